"""ZIP archives whose bytes depend on their contents alone: same files in, same digest out."""

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a ZIP entry can carry; every entry carries it."""

_FILE_MODE = 0o100644 << 16
_FOLDER_MODE = (0o040755 << 16) | 0x10


def write_archive(target: Path, members: Mapping[str, bytes | Path], *, compress: bool = False) -> None:
    """Write `members` (name in the archive: bytes, or a file to copy) in a fixed order.

    META-INF/ and its manifest come first: readers of JARs look for the manifest in the first two entries alone. Each
    folder gets an entry of its own: NiFi's unpacker makes a folder only when it meets one.
    """
    method = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(target, "w", method, compresslevel=1 if compress else None) as archive:
        for name in sorted([*members, *_folders(members)], key=_order):
            entry = zipfile.ZipInfo(name, EPOCH)
            if name.endswith("/"):
                entry.external_attr = _FOLDER_MODE
                archive.writestr(entry, b"")
            else:
                entry.external_attr = _FILE_MODE
                entry.compress_type = method
                content = members[name]
                archive.writestr(entry, content.read_bytes() if isinstance(content, Path) else content)


def _order(name: str) -> tuple[bool, str]:
    return not name.startswith("META-INF/"), name


def _folders(names: Iterable[str]) -> set[str]:
    return {f"{parent}/" for name in names for parent in PurePosixPath(name).parents if parent.name}
