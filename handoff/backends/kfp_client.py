"""The few calls of Kubeflow Pipelines' v2beta1 API that we make, through its own clients, each with a time limit.

What sends something is never repeated here: who calls decides, by what the failure says. What only looks is, for a lost
answer to it says nothing. Redirects are not followed, for a login page would answer 200 to anything.
"""

import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import kfp_server_api as api
import urllib3
from kfp.client import ServiceAccountTokenVolumeCredentials

from handoff.backends.interface import Answer
from handoff.backends.kfp_answers import EXISTS, NOT_FOUND, KubeflowError, of_status, of_wire
from handoff.backends.kfp_names import equals
from handoff.targets import KubeflowTarget

_CONNECT_SECONDS = 10.0
_PAGE = 100
_MOST_PAGES = 50
_LOOK_AGAIN_SECONDS = (0.1, 0.4)
_YEARLY = "0 0 0 1 1 *"
"""The schedule of a slot, which must have one and is disabled."""
_WORTH_ANOTHER_LOOK = frozenset({"kubeflow-connection-lost", "kubeflow-failed"})
"""Not a timeout: three of them would outlive the lease of who looks."""


@dataclass(frozen=True, slots=True)
class KubeflowRun:
    """A run as the server shows it; times are UTC seconds since 1970."""

    id: str
    name: str
    description: str
    state: str
    created_at: float
    finished_at: float | None
    tasks: tuple[tuple[str, str], ...]


class KubeflowClient:
    """One server, as one target reaches it."""

    def __init__(self, target: KubeflowTarget) -> None:
        self._target = target
        configuration = api.Configuration(host=target.endpoint)
        configuration.retries = urllib3.Retry(total=0, raise_on_redirect=False)
        configuration.ssl_ca_cert = None if target.ca_file is None else str(target.ca_file)
        token = target.token_file or target.service_account_token_file
        if token is not None:
            configuration.api_key["authorization"] = ""
            configuration.api_key_prefix["authorization"] = "Bearer"
            configuration.refresh_api_key_hook = ServiceAccountTokenVolumeCredentials(str(token)).refresh_api_key_hook
        self._secret = token or target.cookie_file
        self._authority_checked = False
        self._client = api.ApiClient(configuration)
        self._client.user_agent = "sluice-handoff"
        self._health = api.HealthzServiceApi(self._client)
        self._experiments = api.ExperimentServiceApi(self._client)
        self._pipelines = api.PipelineServiceApi(self._client)
        self._uploads = api.PipelineUploadServiceApi(self._client)
        self._runs = api.RunServiceApi(self._client)
        self._recurring = api.RecurringRunServiceApi(self._client)

    def multi_user(self) -> bool:
        """Whether the server is there and keeps namespaces apart.

        Raises:
            KubeflowError: it is not; `kubeflow-not-there` also where a server before version 2 answers.
        """
        try:
            return bool(self._look(self._health.healthz_service_get_healthz).multi_user)
        except KubeflowError as error:
            if error.status == NOT_FOUND:
                raise KubeflowError("kubeflow-not-there", Answer.UNAVAILABLE, NOT_FOUND) from error
            raise

    def experiment(self, name: str) -> str | None:
        """The id of an experiment."""
        listed = self._look(
            self._experiments.experiment_service_list_experiments,
            filter=equals("display_name", name),
            **self._namespace,
        )
        return next(
            (_id(found.experiment_id) for found in listed.experiments or () if found.display_name == name), None
        )

    def make_experiment(self, name: str) -> str:
        """Get or make an experiment; who loses a race gets the winner's."""
        body = api.V2beta1Experiment(display_name=name, **self._namespace)
        return self._get_or_make(
            lambda: self.experiment(name),
            lambda: self._call(self._experiments.experiment_service_create_experiment, body).experiment_id,
        )

    def make_pipeline(self, name: str) -> str:
        """Get or make a pipeline, without any version."""
        body = api.V2beta1Pipeline(name=name, display_name=name, **self._namespace)
        return self._get_or_make(
            lambda: self._pipeline(name),
            lambda: self._call(self._pipelines.pipeline_service_create_pipeline, body).pipeline_id,
        )

    def _pipeline(self, name: str) -> str | None:
        try:
            found = self._look(self._pipelines.pipeline_service_get_pipeline_by_name, name, **self._namespace)
        except KubeflowError as error:
            if error.status == NOT_FOUND and error.answer is Answer.REFUSED:
                return None
            raise
        return _id(found.pipeline_id)

    def make_version(self, pipeline: str, name: str, file: Path) -> str:
        """Get or upload a version of a pipeline."""
        upload = self._uploads.upload_pipeline_version
        return self._get_or_make(
            lambda: self._version(pipeline, name),
            lambda: self._call(upload, str(file), name=name, pipelineid=pipeline).pipeline_version_id,
        )

    def _version(self, pipeline: str, name: str) -> str | None:
        listed = self._look(
            self._pipelines.pipeline_service_list_pipeline_versions, pipeline, filter=equals("display_name", name)
        )
        found = (version for version in listed.pipeline_versions or () if version.display_name == name)
        return next((_id(version.pipeline_version_id) for version in found), None)

    def make_slot(self, name: str, experiment: str, pipeline: str, version: str) -> str:
        """Get or make a disabled recurring run, whose runs the server keeps apart by their names.

        The server takes two of one name: the oldest counts, so that all who look find the same.
        """
        found = self._slot(name, experiment)
        if found is not None:
            return found
        body = api.V2beta1RecurringRun(
            display_name=name,
            experiment_id=experiment,
            pipeline_version_reference=api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline, pipeline_version_id=version
            ),
            max_concurrency="1",
            mode=api.RecurringRunMode.DISABLE,
            trigger=api.V2beta1Trigger(cron_schedule=api.V2beta1CronSchedule(cron=_YEARLY)),
        )
        made = _id(self._call(self._recurring.recurring_run_service_create_recurring_run, body).recurring_run_id)
        return self._slot(name, experiment) or made

    def _slot(self, name: str, experiment: str) -> str | None:
        listed = self._look(
            self._recurring.recurring_run_service_list_recurring_runs,
            experiment_id=experiment,
            sort_by="created_at asc",
            filter=equals("display_name", name),
        )
        found = (slot for slot in listed.recurring_runs or () if slot.display_name == name)
        return next((_id(slot.recurring_run_id) for slot in found), None)

    def create_run(self, run: dict[str, Any], pipeline: str, version: str, runtime: dict[str, Any]) -> str:
        """Start a run of exactly this version; never with a run_id of ours, which would start a second workflow."""
        reference = api.V2beta1PipelineVersionReference(pipeline_id=pipeline, pipeline_version_id=version)
        body = api.V2beta1Run(
            **run, pipeline_version_reference=reference, runtime_config=api.V2beta1RuntimeConfig(**runtime)
        )
        return _id(self._call(self._runs.run_service_create_run, body).run_id)

    def run(self, run_id: str) -> KubeflowRun | None:
        """A run, if the server has it."""
        try:
            return _run(self._look(self._runs.run_service_get_run, run_id))
        except KubeflowError as error:
            if error.status == NOT_FOUND and error.answer is Answer.REFUSED:
                return None
            raise

    def runs_named(self, name: str) -> Iterator[KubeflowRun]:
        """Every run of exactly this name, oldest first."""
        listed = self._pages(sort_by="created_at asc", filter=equals("display_name", name), **self._namespace)
        return (run for run in listed if run.name == name)

    def runs_of_experiment(self, experiment: str) -> Iterator[KubeflowRun]:
        """The runs of an experiment, newest first."""
        return self._pages(sort_by="created_at desc", experiment_id=experiment)

    def terminate(self, run_id: str) -> None:
        """Ask for the end of a run; the server takes that once, and refuses it ever after."""
        self._call(self._runs.run_service_terminate_run, run_id)

    def _pages(self, **query: Any) -> Iterator[KubeflowRun]:
        token = ""
        for _ in range(_MOST_PAGES):
            page = self._look(self._runs.run_service_list_runs, page_size=_PAGE, page_token=token, **query)
            yield from (_run(run) for run in page.runs or ())
            token = page.next_page_token
            if not token:
                return

    def _get_or_make(self, get: Callable[[], str | None], make: Callable[[], str | None]) -> str:
        found = get()
        if found is not None:
            return found
        try:
            return _id(make())
        except KubeflowError as error:
            if error.status != EXISTS:
                raise
            winner = get()
            if winner is None:
                raise KubeflowError("kubeflow-name-taken", Answer.UNAVAILABLE, EXISTS) from error
            return winner

    @property
    def _namespace(self) -> dict[str, str]:
        return {"namespace": self._target.namespace} if self._target.namespace else {}

    def _look(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Make a call that changes nothing: one that failed at once or whose answer was lost is made again."""
        for pause in _LOOK_AGAIN_SECONDS:
            try:
                return self._call(function, *arguments, **named)
            except KubeflowError as error:
                if error.code not in _WORTH_ANOTHER_LOOK:
                    raise
            time.sleep(pause)
        return self._call(function, *arguments, **named)

    def _call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """Make one call.

        Raises:
            KubeflowError: it failed, and this is what that says.
        """
        self._check_authority()
        self._read_secret()
        limit = (min(_CONNECT_SECONDS, self._target.http_timeout_seconds), self._target.http_timeout_seconds)
        try:
            # A pair of limits: a single one is only heeded where it is a whole number.
            return function(*arguments, _request_timeout=limit, **named)
        except api.ApiException as error:
            raise of_status(int(error.status or 0), error.body) from error
        except urllib3.exceptions.HTTPError as error:
            raise of_wire(error) from error
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # What the generated client does with an answer that is not of this API.
            raise KubeflowError("kubeflow-answer-unreadable") from error

    def _check_authority(self) -> None:
        """Read the authority's file once: of one that is none the clients only say that the connection was lost."""
        if self._authority_checked or self._target.ca_file is None:
            return
        try:
            ssl.create_default_context(cafile=str(self._target.ca_file))
        except OSError as error:
            raise KubeflowError("kubeflow-ca-file", Answer.UNAVAILABLE) from error
        self._authority_checked = True

    def _read_secret(self) -> None:
        """Look at the token or cookie before each call, for both are renewed under way."""
        if self._secret is None:
            return
        try:
            secret = self._secret.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KubeflowError("kubeflow-token-missing", Answer.UNAVAILABLE) from error
        if not secret or not secret.isascii() or not secret.isprintable():
            raise KubeflowError("kubeflow-token-missing", Answer.UNAVAILABLE)
        if self._secret == self._target.cookie_file:
            self._client.cookie = secret


def _id(value: Any) -> str:
    """An id as the server makes them.

    Raises:
        KubeflowError: the answer holds none.
    """
    if not isinstance(value, str) or not value or len(value) > 64 or not all(x.isalnum() or x == "-" for x in value):
        raise KubeflowError("kubeflow-answer-unreadable")
    return value


def _run(run: Any) -> KubeflowRun:
    details = getattr(run.run_details, "task_details", None) or ()
    return KubeflowRun(
        id=_id(run.run_id),
        name=str(run.display_name or ""),
        description=str(run.description or ""),
        state=str(run.state or ""),
        created_at=_seconds(run.created_at) or 0.0,
        finished_at=_seconds(run.finished_at),
        tasks=tuple((str(task.display_name), str(task.state)) for task in details),
    )


def _seconds(time: Any) -> float | None:
    """A time of the server; the first second of 1970 means none."""
    return time.timestamp() if isinstance(time, datetime) and time.timestamp() > 0 else None
