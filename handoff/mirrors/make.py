"""The mirrors that a site has set up, each a teller of its own."""

from collections.abc import Iterator

from handoff.mirrors.interface import Mirror
from handoff.mirrors.settings import Mirrors
from handoff.mirrors.tell_mlflow import MlflowTeller
from handoff.mirrors.tell_openlineage import OpenLineageFile, OpenLineageHttp
from handoff.mirrors.tell_webhook import WebhookTeller


def make_mirrors(settings: Mirrors) -> Iterator[Mirror]:
    """One for each system; nothing is opened or asked before the first thing is told."""
    if settings.mlflow is not None:
        yield MlflowTeller(settings.mlflow)
    if settings.openlineage is not None and settings.openlineage.url is not None:
        yield OpenLineageHttp(settings.openlineage)
    if settings.openlineage is not None and settings.openlineage.file is not None:
        yield OpenLineageFile(settings.openlineage)
    for name, webhook in sorted(settings.webhooks.items()):
        yield WebhookTeller(name, webhook)
