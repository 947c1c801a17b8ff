"""Whether a target could run something now, in plain words for a person."""

from dataclasses import dataclass, field
from pathlib import Path

from handoff.backends.make import make_backend
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.targets import KubeflowTarget, Target


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict, a line for each thing that was found, and the same for programs."""

    ok: bool
    lines: tuple[str, ...]
    versions: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def check_target(settings: Settings, name: str, target: Target) -> Checked:
    """Look at the settings first, then ask the engine itself.

    Raises:
        StartError: what talks to that engine is not installed here.
    """
    home = ResearchHome.of(settings.home)
    found = make_backend(home, name, target).probe()
    lines = [", ".join(f"{what} {version}" for what, version in sorted(found.versions.items()))]
    if not found.ok:
        lines.append(f"The target {name} cannot run anything ({found.problem}). {found.remedy or ''}".rstrip())
    unseen = _unseen(settings, home, target)
    lines += [f"No step could read {folder} (uri-outside-claims). {_MOUNT}" for folder in unseen]
    if found.ok and not unseen:
        lines.append(f"The target {name} is ready.")
    problem = found.problem or ("uri-outside-claims" if unseen else None)
    return Checked(found.ok and not unseen, tuple(line for line in lines if line), found.versions, problem)


_MOUNT = "Mount its volume in `claims` at the same path, or keep the store in S3."


def _unseen(settings: Settings, home: ResearchHome, target: Target) -> list[Path]:
    """Folders of the store that a cluster's steps would not see."""
    if not isinstance(target, KubeflowTarget) or settings.store_url is not None:
        return []
    mounted = [Path(claim.path) for claim in target.claims]
    return [folder for folder in (home.store, home.results) if not any(folder.is_relative_to(path) for path in mounted)]
