"""Where a release is read from: the files, Git, or a NiFi Registry."""

from nifi.errors import NoRegistryError
from nifi.releases.git import release_of_git
from nifi.releases.published import release_of_registry
from nifi.releases.release import FILES, Release, release_of_files


def read_origin(origin: str, registry_url: str | None = None) -> Release:
    """Read a release from where `--from`, `--against` or a mark say.

    Args:
        origin: `files`, `git:<revision>`, `registry` (the newest) or `registry:<version>`.
        registry_url: of the Registry.

    Raises:
        GitError: Git does not have it.
        RegistryError: the Registry does not have it, or there is none.
        ValueError: it is none of these.
    """
    kind, _, rest = origin.partition(":")
    if origin == FILES:
        return release_of_files()
    if kind == "git" and rest:
        return release_of_git(rest)
    if kind == "registry" and (not rest or rest.isdigit()):
        if not registry_url:
            raise NoRegistryError("No NiFi Registry is known.")
        return release_of_registry(registry_url, int(rest) if rest else None)
    message = f"{origin!r} is none of files, git:REVISION, registry and registry:VERSION"
    raise ValueError(message)
