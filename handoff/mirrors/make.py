"""The mirrors that a site has set up, each a teller of its own."""

from collections.abc import Iterator

from handoff.database.engine import Database
from handoff.mirrors.heed_mlflow import AliasesAtMlflow
from handoff.mirrors.interface import Mirror
from handoff.mirrors.settings import Mirrors
from handoff.mirrors.tell_mlflow import MlflowTeller
from handoff.mirrors.tell_openlineage import OpenLineageFile, OpenLineageHttp
from handoff.mirrors.tell_webhook import WebhookTeller
from handoff.settings import Settings


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


def make_heeding(settings: Settings, database: Database) -> Iterator[AliasesAtMlflow]:
    """What looks at MLflow for aliases that somebody moved there."""
    mlflow = settings.mirrors.mlflow
    if mlflow is not None and mlflow.aliases_every_seconds is not None:
        yield AliasesAtMlflow(mlflow, settings, database, mlflow.aliases_every_seconds)
