"""The store of a site's settings."""

import os
from collections.abc import Mapping

from handoff.home import ResearchHome
from handoff.settings import Settings
from handoff.store.files import Folder
from handoff.store.incoming import Spool
from handoff.store.store import Store


def open_store(settings: Settings, home: ResearchHome) -> Store:
    """Packages and results in the home's folders, or below the store_url.

    Raises:
        StartError: the store_url, its access or its credentials cannot be used.
    """
    spool = Spool(home.store / "incoming")
    if settings.store_url is None:
        return Store(Folder(home.store), Folder(home.results), spool)
    from handoff.store.s3 import Bucket

    bucket = Bucket.open(settings.store_url, settings.s3.of_service(os.environ), spool.folder)
    return Store(bucket, bucket.below("results"), spool)


def environment_of_runs(settings: Settings) -> Mapping[str, str]:
    """What a run must know to reach the store; nothing where the store is a folder."""
    return {} if settings.store_url is None else settings.s3.of_runs(os.environ)
