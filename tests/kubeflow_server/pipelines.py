"""Pipelines and their versions. An upload of a pipeline makes its first version, of the same name."""

import json
import sqlite3
import time
import uuid
from typing import Any

from tests.kubeflow_server import specs
from tests.kubeflow_server.answers import message, time_of
from tests.kubeflow_server.database import Database, storable
from tests.kubeflow_server.errors import ApiError, UploadError, exists, internal, invalid, not_found
from tests.kubeflow_server.listings import Listing
from tests.kubeflow_server.messages import PIPELINE, read

_COMMON = ("name", "display_name", "created_at", "description")
_PIPELINES = Listing(
    "pipelines",
    "pipeline_id",
    {"id": "pipeline_id", "pipeline_id": "pipeline_id", "namespace": "namespace", **{n: n for n in _COMMON}},
)
_VERSIONS = Listing(
    "pipeline_versions",
    "pipeline_version_id",
    {
        "id": "pipeline_version_id",
        "pipeline_version_id": "pipeline_version_id",
        "pipeline_id": "pipeline_id",
        **{n: n for n in _COMMON},
    },
)


class Pipelines:
    """The operations on pipelines and versions."""

    def __init__(self, database: Database, *, multi_user: bool) -> None:
        self._database = database
        self._multi_user = multi_user

    def upload(self, query: dict[str, str], filename: str, content: bytes) -> dict[str, Any]:
        """POST /pipelines/upload."""
        try:
            package = _package(filename, content)
            row = self._insert(_name(query, filename), query)
            self._insert_version(row["pipeline_id"], _name(query, filename), query, package)
        except ApiError as error:
            raise _uploading(error, "Failed to create a pipeline and a pipeline version") from error
        return _show(row)

    def upload_version(self, query: dict[str, str], filename: str, content: bytes) -> dict[str, Any]:
        """POST /pipelines/upload_version."""
        try:
            if not query.get("pipelineid") or self._row(query["pipelineid"]) is None:
                raise invalid("pipelineid")
            package = _package(filename, content)
            made = self._insert_version(query["pipelineid"], _name(query, filename), query, package)
        except ApiError as error:
            raise _uploading(error, "Failed to create a pipeline version") from error
        return _show_version(made)

    def create(self, body: Any) -> dict[str, Any]:
        """POST /pipelines: a pipeline without a version."""
        given = read(body, PIPELINE)
        name = given.get("name") or given.get("display_name", "")
        if not name:
            raise invalid("pipeline's name cannot be empty")
        return _show(self._insert(name, given))

    def get(self, pipeline_id: str) -> dict[str, Any]:
        """GET /pipelines/{id}."""
        return _show(self._existing(pipeline_id))

    def by_name(self, name: str, query: dict[str, str]) -> dict[str, Any]:
        """GET /pipelines/names/{name}."""
        namespace = self._namespace(query)
        found = self._database.row("SELECT * FROM pipelines WHERE name = ? AND namespace = ?", name, namespace)
        if found is None:
            raise not_found("Pipeline", name)
        return _show(found)

    def list(self, query: dict[str, str]) -> dict[str, Any]:
        """GET /pipelines."""
        rows, total, token = _PIPELINES.page(self._database, query, namespace=self._namespace(query))
        return message(pipelines=[_show(row) for row in rows], total_size=total, next_page_token=token)

    def list_versions(self, pipeline_id: str, query: dict[str, str]) -> dict[str, Any]:
        """GET /pipelines/{id}/versions."""
        self._existing(pipeline_id)
        rows, total, token = _VERSIONS.page(self._database, query, pipeline_id=pipeline_id)
        shown = [_show_version(row) for row in rows]
        return message(pipeline_versions=shown, total_size=total, next_page_token=token)

    def get_version(self, pipeline_id: str, version_id: str) -> dict[str, Any]:
        """GET /pipelines/{id}/versions/{id}."""
        found = self.version(version_id)
        if found is None or found["pipeline_id"] != pipeline_id:
            raise not_found("PipelineVersion", version_id)
        return _show_version(found)

    def version(self, version_id: str) -> sqlite3.Row | None:
        """A version's row."""
        return self._database.row("SELECT * FROM pipeline_versions WHERE pipeline_version_id = ?", version_id)

    def latest(self, pipeline_id: str) -> sqlite3.Row | None:
        """The version that a reference without one means."""
        query = "SELECT * FROM pipeline_versions WHERE pipeline_id = ? ORDER BY created_at DESC, rowid DESC LIMIT 1"
        return self._database.row(query, pipeline_id)

    def _namespace(self, given: dict[str, str]) -> str:
        return given.get("namespace", "") if self._multi_user else ""

    def _row(self, pipeline_id: str) -> sqlite3.Row | None:
        return self._database.row("SELECT * FROM pipelines WHERE pipeline_id = ?", pipeline_id)

    def _existing(self, pipeline_id: str) -> sqlite3.Row:
        found = self._row(pipeline_id)
        if found is None:
            raise not_found("Pipeline", pipeline_id)
        return found

    def _insert(self, name: str, given: dict[str, str]) -> sqlite3.Row:
        if len(name) > 128:
            raise invalid("Pipeline.Name length cannot exceed 128")
        _require_storable(name, given)
        made = str(uuid.uuid4())
        values = (made, self._namespace(given), name, given.get("display_name") or name, given.get("description", ""))
        try:
            with self._database.transaction() as connection:
                connection.execute("INSERT INTO pipelines VALUES (?, ?, ?, ?, ?, ?)", (*values, int(time.time())))
        except sqlite3.IntegrityError as error:
            raise exists(f"Failed to create a new pipeline. The name {name} already exist") from error
        return self._existing(made)

    def _insert_version(self, pipeline_id: str, name: str, given: dict[str, str], spec: dict[str, Any]) -> sqlite3.Row:
        if len(name) > 127:
            raise invalid("PipelineVersion.Name length cannot exceed 127")
        _require_storable(name, given)
        made = str(uuid.uuid4())
        values = (made, pipeline_id, name, given.get("display_name") or name, given.get("description", ""))
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO pipeline_versions VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*values, int(time.time()), json.dumps(spec)),
                )
        except sqlite3.IntegrityError as error:
            raise exists(f"Failed to create a new pipeline version. The name {name} already exist") from error
        found = self.version(made)
        assert found is not None
        return found


def _uploading(error: ApiError, sentence: str) -> UploadError:
    sentence = error.message if error.code == 3 else sentence
    return UploadError(error.code, sentence, error.status)


def _package(filename: str, content: bytes) -> dict[str, Any]:
    if not filename.endswith((".yaml", ".yml")):
        raise invalid("this server takes packages as YAML alone")
    try:
        return specs.parse(content.decode())
    except UnicodeDecodeError as error:
        raise invalid("unknown template format") from error


def _name(query: dict[str, str], filename: str) -> str:
    return query.get("name") or query.get("display_name") or filename


def _require_storable(name: str, given: dict[str, str]) -> None:
    if not all(storable(text) for text in (name, given.get("display_name", ""))):
        raise internal("Failed to add pipeline: Incorrect string value")


def _show(row: sqlite3.Row) -> dict[str, Any]:
    shown = {name: row[name] for name in ("pipeline_id", "display_name", "name", "description", "namespace")}
    return message(**shown, created_at=time_of(row["created_at"]))


def _show_version(row: sqlite3.Row) -> dict[str, Any]:
    names = ("pipeline_id", "pipeline_version_id", "display_name", "name", "description")
    spec = json.loads(row["spec"])
    shown = spec if "platform_spec" in spec else spec["pipeline_spec"]
    return message(**{n: row[n] for n in names}, created_at=time_of(row["created_at"]), pipeline_spec=shown)
