"""Volumes in Zarr v3: int16, 64^3 chunks in shards, blosc zstd with bitshuffle; and the digest of what they decode to.

The digest covers decoded values, affine and shape, never the files: another compressor or chunk size gives the same
volume, and a changed voxel never passes.
"""

import hashlib
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from obstore.exceptions import BaseError
from zarr.codecs import BloscCodec

from ml.errors import BatchError
from ml.preprocessing.grid import Grid
from ml.preprocessing.volume import Volume

CHUNK = 64
SHARD_SLICES = 256


def volume_digest(volume: Volume) -> str:
    """SHA-256 over shape, affine and values, hex.

    Shape and affine are little-endian int64 and float64 in C order (the affine rounded to 1e-6 mm, since an inverse
    differs in its last bits between machines); values are little-endian int16 in C order.
    """
    digest = hashlib.sha256(b"sluice.volume/1\n")
    digest.update(np.array(volume.grid.shape, dtype="<i8").tobytes())
    # Adding 0.0 turns -0.0 into 0.0, which are equal but not the same bytes.
    digest.update((np.round(volume.grid.affine, 6) + 0.0).astype("<f8").tobytes())
    digest.update(np.ascontiguousarray(volume.hounsfield, dtype="<i2").tobytes())
    return digest.hexdigest()


def write_volume(volume: Volume, path: Path) -> str:
    """Write a volume by a temporary name and a rename; a volume already there under this name is replaced.

    Returns:
        Its `volume_digest`.
    """
    digest = volume_digest(volume)
    temporary = path.with_name(f"{path.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    chunks = tuple(min(CHUNK, size) for size in volume.grid.shape)
    limits = (SHARD_SLICES, *volume.grid.shape[1:])
    shards = tuple(
        -(-min(size, limit) // chunk) * chunk
        for size, limit, chunk in zip(volume.grid.shape, limits, chunks, strict=True)
    )
    array = zarr.create_array(
        store=str(temporary),
        shape=volume.grid.shape,
        dtype="int16",
        chunks=chunks,
        shards=shards,
        compressors=[BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")],
        dimension_names=("superior", "posterior", "left"),
        attributes=_attributes(volume, digest),
        fill_value=0,
    )
    array[:] = volume.hounsfield
    shutil.rmtree(path, ignore_errors=True)
    temporary.rename(path)
    return digest


def read_volume(store: Any, digest: str) -> Volume:
    """Read a volume from a path, or any store of zarr, and check that it decodes to what it is known by.

    Raises:
        BatchError: There is no volume, it cannot be read, or it is not the one with this digest.
    """
    try:
        array = zarr.open_array(store=str(store) if isinstance(store, Path) else store, mode="r")
        attributes: dict[str, Any] = dict(array.attrs)
        volume = Volume(
            hounsfield=np.asarray(array[:]).astype(np.int16),
            grid=Grid(_shape(array.shape), np.array(attributes["affine"], dtype=np.float64)),
            source=Grid(_shape(attributes["source_shape"]), np.array(attributes["source_affine"], dtype=np.float64)),
            sop_instance_uids=tuple(attributes["sop_instance_uids"]),
            frame_of_reference_uid=str(attributes["frame_of_reference_uid"]),
            spec_digest=str(attributes["spec_digest"]),
        )
    except (OSError, KeyError, ValueError, TypeError, RuntimeError, BaseError) as error:
        raise BatchError("a prepared volume cannot be read.") from error
    if volume_digest(volume) != digest:
        raise BatchError("a prepared volume is not the one that the batch names: its digest differs.")
    return volume


def _attributes(volume: Volume, digest: str) -> dict[str, Any]:
    return {
        "schema": "sluice.volume/1",
        "digest": digest,
        "affine": volume.grid.affine.tolist(),
        "spacing_mm": list(volume.grid.spacing),
        "orientation": "SPL",
        "unit": "HU",
        "spec_digest": volume.spec_digest,
        "source_shape": list(volume.source.shape),
        "source_affine": volume.source.affine.tolist(),
        "sop_instance_uids": list(volume.sop_instance_uids),
        "frame_of_reference_uid": volume.frame_of_reference_uid,
    }


def _shape(sizes: Any) -> tuple[int, int, int]:
    i, j, k = (int(size) for size in sizes)
    return i, j, k
