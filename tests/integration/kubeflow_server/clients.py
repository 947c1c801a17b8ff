"""The generated clients of kfp-server-api, as a backend uses them."""

import uuid
from pathlib import Path
from typing import Any

import kfp_server_api

from tests.kubeflow_server.process import KubeflowServer


class Clients:
    """The generated clients, as a backend uses them, and a version of the toy pipeline to run."""

    def __init__(self, server: KubeflowServer, package: Path, token: str | None = None, timeout: float = 60) -> None:
        configuration = kfp_server_api.Configuration(host=server.url)
        configuration.retries = False
        if token:
            configuration.api_key = {"authorization": token}
            configuration.api_key_prefix = {"authorization": "Bearer"}
        self.api = kfp_server_api.ApiClient(configuration)
        self.experiments = kfp_server_api.ExperimentServiceApi(self.api)
        self.pipelines = kfp_server_api.PipelineServiceApi(self.api)
        self.uploads = kfp_server_api.PipelineUploadServiceApi(self.api)
        self.recurring = kfp_server_api.RecurringRunServiceApi(self.api)
        self.runs = kfp_server_api.RunServiceApi(self.api)
        self.timeout = timeout
        self.package = package
        self._version: Any = None

    @property
    def version(self) -> Any:
        """A registered version."""
        if self._version is None:
            pipeline = self.uploads.upload_pipeline(str(self.package), name=f"toy-{uuid.uuid4().hex[:8]}")
            self._version = self.pipelines.pipeline_service_list_pipeline_versions(
                pipeline.pipeline_id
            ).pipeline_versions[0]
        return self._version

    def body(self, name: str, **more: Any) -> dict[str, Any]:
        """A run as a body, where the models of the client would refuse what a test wants to send."""
        version = {n: getattr(self.version, n) for n in ("pipeline_id", "pipeline_version_id")}
        parameters = {"batch_uri": "file:///b", "handoff_key": "k", "result_uri": "file:///r", "kind": "prepare"}
        return {
            "display_name": name,
            "pipeline_version_reference": version,
            "runtime_config": {"parameters": parameters},
            **more,
        }

    def create(self, name: str, **more: Any) -> Any:
        """POST a run."""
        return self.runs.run_service_create_run(self.body(name, **more), _request_timeout=(5, self.timeout))

    def status(self, call: Any, *arguments: Any, **named: Any) -> int:
        """The HTTP status that a call gets."""
        try:
            call(*arguments, **named)
        except kfp_server_api.ApiException as error:
            return int(error.status)
        return 200
