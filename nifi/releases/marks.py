"""What a deployment leaves in the comment of each group: which flow it is, from where, and what the canvas then was."""

from dataclasses import dataclass

from nifi.releases.release import FILES

_FLOW, _CANVAS, _FROM, _RELEASE = "flow ", "canvas ", "from ", "release "


@dataclass(frozen=True, slots=True)
class Marks:
    """The last lines of a group's comment; empty where there is none."""

    flow: str = ""
    """Digest of the flow that the group was made from."""

    canvas: str = ""
    """Fingerprint of the group once it was verified; see `nifi.releases.compare`."""

    origin: str = ""
    """Where the release was read from."""

    release: str = ""
    """Digest of the release, on the parent group alone."""

    @classmethod
    def read(cls, comments: str) -> "Marks":
        """Read a comment."""

        def last(prefix: str) -> str:
            found = [line for line in comments.splitlines() if line.startswith(prefix)]
            return found[-1].removeprefix(prefix).strip() if found else ""

        return cls(last(_FLOW), last(_CANVAS), last(_FROM) or FILES, last(_RELEASE))

    @staticmethod
    def strip(comments: str) -> str:
        """The comment without its marks."""
        prefixes = (_FLOW, _CANVAS, _FROM, _RELEASE)
        return "\n".join(line for line in comments.splitlines() if not line.startswith(prefixes))

    def write(self, about: str) -> str:
        """The comment: what the flow is about, then the marks."""
        lines = [about]
        for prefix, value in ((_FLOW, self.flow), (_CANVAS, self.canvas), (_RELEASE, self.release)):
            if value:
                lines.append(prefix + value)
        if self.origin:
            lines.append(_FROM + self.origin)
        return "\n".join(lines)
