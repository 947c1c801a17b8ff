"""The store of a site's settings."""

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from handoff.contract.s3 import S3Access, S3AccessError
from handoff.errors import StartError
from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store.files import Folder
from handoff.store.incoming import Spool
from handoff.store.store import Store


def open_store(settings: Settings, home: ResearchHome) -> Store:
    """Packages and results in the home's folders, or below the store_url: another folder or a bucket.

    Raises:
        StartError: the store_url, its access or its credentials cannot be used.
    """
    if settings.store_url is None:
        return Store(Folder(home.store), Folder(home.results), Spool(home.store / "incoming"))
    parts = urlsplit(settings.store_url)
    if parts.scheme == "file" and not parts.netloc:
        folder = Path(unquote(parts.path))
        return Store(Folder(folder), Folder(folder / "results"), Spool(folder / "incoming"))
    spool = Spool(home.store / "incoming")
    from handoff.store.s3 import Bucket

    bucket = Bucket.open(settings.store_url, settings.s3.of_service(os.environ), spool.folder)
    return Store(bucket, bucket.below("results"), spool)


def environment_of_runs(settings: Settings) -> Mapping[str, str]:
    """What a run must know to reach the store; nothing where the store is a folder.

    The keys themselves, since few clients of S3 read a file of them.

    Raises:
        StartError: the file of credentials cannot be used.
    """
    if not (settings.store_url or "").startswith("s3:"):
        return {}
    found = settings.s3.of_runs(os.environ)
    try:
        access = S3Access.of_environment(found)
    except S3AccessError as error:
        message = f"The credentials of runs cannot be used: {error}."
        raise StartError(message, code="store-url", remedy="See docs/stores.md for s3.") from None
    found.pop("AWS_SHARED_CREDENTIALS_FILE", None)
    return {**found, **access.credentials()}
