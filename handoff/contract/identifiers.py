"""Strings that cross the zones. Each has a closed shape, so none can name a path, carry a header or hide a value."""

from typing import Annotated

from pydantic import Field, StringConstraints

RandomId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$"), Field(description="16 random bytes, hex.")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="SHA-256, hex.")]
Uid = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]+(\.[0-9]+)*$", max_length=64),
    Field(description="DICOM unique identifier (PS3.5 9)."),
]
ProjectName = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$"), Field(description="A project at the handoff.")
]
Pseudonym = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    Field(description="What stands for a patient within one project."),
]
Modality = Annotated[
    str, StringConstraints(pattern=r"^[A-Z0-9_]{1,16}$"), Field(description="Modality (0008,0060), a code string.")
]
Count = Annotated[int, Field(ge=0, le=2**31 - 1, description="How many; fits every database's integer.")]
ReasonCode = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,63}$"), Field(description="Why, as a word; never a value.")
]
StoreUri = Annotated[
    str,
    StringConstraints(pattern=r"^(file:///|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/)[^\x00-\x1f]*$", max_length=4096),
    Field(description="Where bytes are: file:///path, absolute, or s3://bucket/key."),
]
RelativePath = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*(/[A-Za-z0-9_][A-Za-z0-9._-]*)*$", max_length=1024),
    Field(description="A path below a known folder: forward slashes, no empty or upward step."),
]
KeyId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{16}$"),
    Field(description="First 16 hex digits of SHA-256 of the raw Ed25519 public key."),
]
Signature = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$"),
    Field(description="Base64 of the 64-byte Ed25519 signature over the canonical JSON."),
]
