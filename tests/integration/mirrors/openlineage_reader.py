"""Read an event as OpenLineage's own client has it: every field of every class, and each facet by its own class."""

import json
from typing import Any

from openlineage.client import event_v2
from openlineage.client.facet_v2 import (
    BaseFacet,
    dataset_version_dataset,
    error_message_run,
    job_type_job,
    output_statistics_output_dataset,
)

_FACETS: dict[str, type[BaseFacet]] = {
    "version": dataset_version_dataset.DatasetVersionDatasetFacet,
    "jobType": job_type_job.JobTypeJobFacet,
    "errorMessage": error_message_run.ErrorMessageRunFacet,
    "outputStatistics": output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet,
}


def read_event(line: bytes) -> event_v2.RunEvent:
    """The event; raises where it is none."""
    said = json.loads(line)
    assert said.pop("schemaURL") == event_v2.RunEvent._get_schema()
    run, job = said.pop("run"), said.pop("job")
    return event_v2.RunEvent(
        eventType=event_v2.RunState(said.pop("eventType")),
        run=event_v2.Run(run["runId"], _facets(run["facets"])),
        job=event_v2.Job(job["namespace"], job["name"], _facets(job["facets"])),
        inputs=[_data_set(event_v2.InputDataset, one) for one in said.pop("inputs")],
        outputs=[_data_set(event_v2.OutputDataset, one) for one in said.pop("outputs")],
        **said,
    )


def _data_set(kind: Any, said: dict[str, Any]) -> Any:
    extra = {name: _facets(said.pop(name)) for name in ("inputFacets", "outputFacets") if name in said}
    return kind(said.pop("namespace"), said.pop("name"), facets=_facets(said.pop("facets")), **extra, **said)


def _facets(said: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Those of the standard by their classes; ours must have a prefix, a producer and a schema of their own."""
    read: dict[str, Any] = {}
    for name, facet in said.items():
        content = {key: value for key, value in facet.items() if not key.startswith("_")}
        assert facet["_producer"].startswith("urn:sluice:")
        if name in _FACETS:
            assert facet["_schemaURL"] == _FACETS[name]._get_schema()
            read[name] = _FACETS[name](**content)
        else:
            assert name.startswith("sluice_")
            assert facet["_schemaURL"].startswith("urn:sluice:openlineage:")
            read[name] = content
    return read
