"""A home of a version without a list of copies gets one, in the words that a withdrawal looks for."""

from alembic import command
from sqlalchemy import select, text

from handoff.database.engine import Database
from handoff.database.migrate import configuration, upgrade
from handoff.database.tables import Copy
from handoff.withdrawals.kinds import (
    batch_uri,
    engine_uri,
    model_uri,
    package_uri,
    prepared_uri,
    result_uri,
    run_uri,
)

SHA256, BATCH, PLACE = "a" * 64, "b" * 64, "f" * 32


def fill(connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


def test_copies_of_an_older_version_are_listed(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/handoff.db")
    config = configuration()
    with database.writer.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        fill(
            connection,
            "studies",
            id=1,
            project="lungs",
            study_uid="1.2",
            state="open",
            version=0,
            truth="unannotated",
            last_arrival_at=0,
        )
        counts = {"size": 1, "delivered": 1, "withheld": 0, "withheld_by": "{}", "treatment": "{}", "receipt": "{}"}
        about = {"project": "lungs", "study_id": 1, "patient": "P", "series_uid": "1.3", "modality": "CT"}
        fill(connection, "shipments", id="1" * 32, sha256=SHA256, received_at=0, **about, **counts)
        facts = {"project": "lungs", "file_sha256": "", "test_percent": 25, "instances": 1, "annotations": 0}
        fill(connection, "batches", id=BATCH, facts="{}", created_at=0, **facts)
        fill(
            connection,
            "pipeline_versions",
            id="p",
            name="p",
            yaml_digest="",
            code_digest="",
            inputs="{}",
            registered_at=0,
        )
        fill(connection, "target_places", target="local", place=PLACE)
        run = {"project": "lungs", "batch_id": BATCH, "pipeline_id": "p", "parameters": "{}", "metrics": "{}"}
        run |= {"cancel_asked": False, "created_at": 0, "state": "SUCCEEDED", "attempts": 1}
        fill(connection, "handoffs", id="prepare", key="k1", kind="prepare", target="local", **run)
        fill(connection, "handoffs", id="train", key="k2", kind="train", target="cluster", **run)
        model = {"name": "unet", "version": 1, "project": "lungs", "handoff_id": "train", "spec_digest": ""}
        fill(connection, "models", id="unet:1", path="m", metrics="{}", created_at=0, **model)
    upgrade(database)
    with database.read() as session:
        found = {(copy.kind, copy.uri) for copy in session.scalars(select(Copy)) if copy.state == "present"}
    database.close()
    assert found == {
        ("package", package_uri(SHA256)),
        ("batch", batch_uri(BATCH)),
        ("prepared", prepared_uri(BATCH, "k1")),
        ("result", result_uri("k1")),
        ("result", result_uri("k2")),
        ("run", run_uri(PLACE, "k1")),
        ("engine", engine_uri("cluster", "train")),
        ("model", model_uri("unet:1")),
    }
