"""Files below a prefix of a bucket, by obstore.

A PUT is atomic and durable when S3 answers, in parts or whole; each request's body is signed with its SHA-256, which
the service compares. After it the object's size is asked for: a receipt is worth one request more.
No text of a failure is repeated: S3 answers a wrong signature with the key id and all that was signed.
"""

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import obstore
import structlog
from obstore.exceptions import BaseError
from obstore.store import S3Store

from handoff.contract.s3 import S3Access, S3AccessError
from handoff.errors import StartError, StoreDownError
from handoff.store.files import BLOCK, Condition
from handoff.store.incoming import Incoming

log = structlog.get_logger("handoff.store")
_PART = 8 << 20
_PARTS_AT_ONCE = 4
_READ = 8 << 20
_NO_BUCKET = "Make the bucket of store_url, or mend its name; then send it again, nothing is lost."


class Bucket:
    """Files below one prefix."""

    def __init__(self, store: S3Store, uri: str, spool: Path) -> None:
        self.uri = uri
        self._store = store
        self._spool = spool
        prefix = urlsplit(uri).path.strip("/")
        self._prefix = f"{prefix}/" if prefix else ""

    @classmethod
    def open(cls, uri: str, environment: Mapping[str, str], spool: Path) -> "Bucket":
        """The files of `s3://bucket/prefix`; asks nothing yet.

        Raises:
            StartError: the URI or the access cannot be used.
        """
        try:
            store = S3Store(_bucket(uri), **S3Access.of_environment(environment).options())
        except (S3AccessError, BaseError, ValueError) as error:
            said = str(error) if isinstance(error, S3AccessError) else "the settings of S3 cannot be used"
            message = f"The store cannot be opened: {said}."
            raise StartError(message, code="store-url", remedy="See docs/stores.md for store_url and s3.") from None
        return cls(store, uri.rstrip("/"), spool)

    def below(self, path: str) -> "Bucket":
        """The prefix below this one."""
        return Bucket(self._store, f"{self.uri}/{path}", self._spool)

    def keep(self, body: Incoming, path: str) -> None:
        """In parts, as large ones need; the part file stays until S3 holds exactly as much."""
        self._put(path, body.path, body.size)
        body.discard()

    def write(self, path: str, blocks: Iterable[bytes]) -> str:
        """By a file of the spool, since the digest and the size come last."""
        digest = hashlib.sha256()
        temporary = self._spool / f"{secrets.token_hex(16)}.out"
        try:
            with temporary.open("xb") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)  # a start-up removes what nobody holds
                for block in blocks:
                    digest.update(block)
                    stream.write(block)
                stream.flush()
                self._put(path, temporary, stream.tell())
        finally:
            temporary.unlink(missing_ok=True)
        return digest.hexdigest()

    def size(self, path: str) -> int:
        """Bytes of an object."""
        with self._asking_for("head"):
            return int(obstore.head(self._store, self._key(path))["size"])

    def read(self, path: str, start: int = 0) -> Iterator[bytes]:
        """By ranges, so that a lost connection costs one range and no reader holds one open."""
        size = self.size(path)
        for begin in range(start, size, _READ):
            with self._asking_for("get"):
                block = obstore.get_range(self._store, self._key(path), start=begin, end=min(begin + _READ, size))
            view = memoryview(block)
            for offset in range(0, len(view), BLOCK):
                yield bytes(view[offset : offset + BLOCK])

    def local(self, path: str) -> Path | None:
        """Never on this machine."""
        return None

    def remove(self, path: str) -> None:
        """Delete the object."""
        with _asking("delete"):
            obstore.delete(self._store, self._key(path))

    def paths(self) -> Iterator[str]:
        """Every key below the prefix, sorted."""
        with _asking("list"):
            found = [entry["path"] for page in obstore.list(self._store, prefix=self._prefix or None) for entry in page]
        for key in sorted(found):
            yield key.removeprefix(self._prefix)

    def condition(self) -> Condition:
        """Whether the bucket is there and answers."""
        try:
            return "ok" if self._has_bucket() else "failed"
        except StoreDownError:
            return "failed"

    @contextmanager
    def _asking_for(self, what: str) -> Iterator[None]:
        """Ask for one object; S3 says the same of an object and of a whole bucket that is not there."""
        try:
            with _asking(what):
                yield
        except FileNotFoundError:
            if not self._has_bucket():
                raise StoreDownError("The store's bucket is not there.", remedy=_NO_BUCKET) from None
            raise

    def _has_bucket(self) -> bool:
        """By listing what is never there."""
        try:
            with _asking("list"):
                next(iter(obstore.list(self._store, prefix=self._key("condition"))), None)
        except FileNotFoundError:
            return False
        return True

    def _put(self, path: str, file: Path, size: int) -> None:
        try:
            with _asking("put"):
                obstore.put(self._store, self._key(path), file, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE)
        except FileNotFoundError:
            raise StoreDownError("The store's bucket is not there.", remedy=_NO_BUCKET) from None
        if self.size(path) != size:
            raise StoreDownError("The store keeps another number of bytes than it was given.")

    def _key(self, path: str) -> str:
        return f"{self._prefix}{path}"


def _bucket(uri: str) -> str:
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc or parts.query or parts.fragment or "@" in parts.netloc:
        raise S3AccessError("the store_url is not s3://bucket/prefix")
    return parts.netloc


@contextmanager
def _asking(what: str) -> Iterator[None]:
    """Translate whatever S3 says into an error without its text."""
    try:
        yield
    except FileNotFoundError:
        raise FileNotFoundError(os.strerror(2)) from None
    except BaseError as error:
        log.warning("store", asked=what, cause=type(error).__name__)
        raise StoreDownError from None
