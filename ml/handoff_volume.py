"""A volume at the handoff as a store of zarr. Whole files are fetched, since a volume is read whole."""

import asyncio
from collections.abc import AsyncIterator, Iterable

from zarr.abc.store import ByteRequest, OffsetByteRequest, RangeByteRequest, Store, SuffixByteRequest
from zarr.core.buffer import Buffer, BufferPrototype

from ml.handoff_files import HandoffFiles


class HandoffVolume(Store):  # type: ignore[misc]  # mypy does not follow zarr
    """Reads only, and cannot list: what a volume consists of stands in its metadata."""

    supports_writes = False
    supports_deletes = False
    supports_listing = False

    def __init__(self, files: HandoffFiles, path: str) -> None:
        super().__init__(read_only=True)
        self._files = files
        self._path = path

    def __eq__(self, other: object) -> bool:
        """Whether it is the same volume."""
        return isinstance(other, HandoffVolume) and (self._files, self._path) == (other._files, other._path)

    __hash__ = None  # type: ignore[assignment]

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """A file of the volume or a part of it; None where there is none."""
        try:
            content = await asyncio.to_thread(self._files.read, f"{self._path}/{key}")
        except FileNotFoundError:
            return None
        return prototype.buffer.from_bytes(_part(content, byte_range))

    async def get_partial_values(
        self, prototype: BufferPrototype, key_ranges: Iterable[tuple[str, ByteRequest | None]]
    ) -> list[Buffer | None]:
        """Several of them."""
        return [await self.get(key, prototype, byte_range) for key, byte_range in key_ranges]

    async def exists(self, key: str) -> bool:
        """Whether there is such a file."""
        return await asyncio.to_thread(self._files.has, f"{self._path}/{key}")

    async def set(self, key: str, value: Buffer) -> None:
        """Never: zarr's own refusal is raised."""
        self._check_writable()

    async def delete(self, key: str) -> None:
        """Never: zarr's own refusal is raised."""
        self._check_writable()

    def list(self) -> AsyncIterator[str]:
        """Never."""
        raise NotImplementedError

    def list_prefix(self, prefix: str) -> AsyncIterator[str]:
        """Never."""
        raise NotImplementedError

    def list_dir(self, prefix: str) -> AsyncIterator[str]:
        """Never."""
        raise NotImplementedError


def _part(content: bytes, asked: ByteRequest | None) -> bytes:
    match asked:
        case None:
            return content
        case RangeByteRequest(start=start, end=end):
            return content[start:end]
        case OffsetByteRequest(offset=offset):
            return content[offset:]
        case SuffixByteRequest(suffix=suffix):
            return content[-suffix:] if suffix else b""
        case _:
            raise TypeError
