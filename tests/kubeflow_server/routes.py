"""Which operation a method and a path name. What is not here is not imitated and answered with 404."""

import re

_ID = r"([^/:]+)"
_PREFIX = "/apis/v2beta1"
_ROUTES = [
    ("GET", "/healthz", "Healthz"),
    ("POST", "/experiments", "CreateExperiment"),
    ("GET", "/experiments", "ListExperiments"),
    ("GET", f"/experiments/{_ID}", "GetExperiment"),
    ("POST", f"/experiments/{_ID}:archive", "ArchiveExperiment"),
    ("POST", "/pipelines/upload", "UploadPipeline"),
    ("POST", "/pipelines/upload_version", "UploadPipelineVersion"),
    ("POST", "/pipelines", "CreatePipeline"),
    ("GET", "/pipelines", "ListPipelines"),
    ("GET", r"/pipelines/names/([^/]+)", "GetPipelineByName"),
    ("GET", f"/pipelines/{_ID}", "GetPipeline"),
    ("GET", f"/pipelines/{_ID}/versions", "ListPipelineVersions"),
    ("GET", f"/pipelines/{_ID}/versions/{_ID}", "GetPipelineVersion"),
    ("POST", "/recurringruns", "CreateRecurringRun"),
    ("GET", "/recurringruns", "ListRecurringRuns"),
    ("GET", f"/recurringruns/{_ID}", "GetRecurringRun"),
    ("POST", f"/recurringruns/{_ID}:enable", "EnableRecurringRun"),
    ("POST", f"/recurringruns/{_ID}:disable", "DisableRecurringRun"),
    ("POST", "/runs", "CreateRun"),
    ("GET", "/runs", "ListRuns"),
    ("GET", f"/runs/{_ID}", "GetRun"),
    ("POST", f"/runs/{_ID}:terminate", "TerminateRun"),
    ("POST", f"/runs/{_ID}:retry", "RetryRun"),
    ("POST", f"/runs/{_ID}:archive", "ArchiveRun"),
    ("POST", f"/runs/{_ID}:unarchive", "UnarchiveRun"),
]
_COMPILED = [(method, re.compile(_PREFIX + path), operation) for method, path, operation in _ROUTES]


def route(method: str, path: str) -> tuple[str, tuple[str, ...]] | None:
    """The operation and the ids in the path."""
    for wanted, pattern, operation in _COMPILED:
        found = pattern.fullmatch(path)
        if found is not None and wanted == method:
            return operation, found.groups()
    return None
