"""Bring what is on the canvas back into files, so that a change by hand becomes a change that can be reviewed.

1. Refuse while a processor is loading: NiFi would tell a sensitive value of it in clear text.
2. Refuse a sensitive value that is no parameter: it would be lost, or told.
3. Normalise each group; write the files that differ, all or none.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from nifi.errors import SaveError
from nifi.releases.flow import BUCKET, Flow, Json, read_assembly
from nifi.releases.groups import Group, children, require_parent
from nifi.releases.lint import lint
from nifi.releases.normalise import normalise
from nifi.releases.parameters import read_parameters
from nifi.releases.release import release_of_files
from nifi.releases.rules import Finding, no_inline_secret
from nifi.releases.schedule import components
from nifi.rest import NiFi

FLOWS = Path(__file__).resolve().parents[1] / "flows"
"""Where the clone keeps its buckets."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved."""

    files: tuple[Path, ...]
    """Those that changed."""

    findings: tuple[Finding, ...]
    """What the lint has against the flows now; they cannot be deployed before that is mended."""


def save(url: str, folder: Path = FLOWS) -> Saved:
    """Write the flows on the canvas to `folder/<bucket>/<flow>.json`.

    Raises:
        SaveError: the canvas cannot be saved as it is; no file was changed.
        NothingDeployedError: nothing is deployed there.
    """
    committed = release_of_files()
    with NiFi(url) as nifi:
        parent = require_parent(nifi, read_assembly().group)
        if loading := [part for part in components(nifi, parent) if part.loading]:
            message = f"{loading[0].group}: {loading[0].name} is still loading; save again in some seconds."
            raise SaveError(message)
        there = children(nifi, parent)
        flows = [_flow(nifi, flow, there[flow.name]) if flow.name in there else flow for flow in committed.flows]
    for flow in flows:
        for finding in no_inline_secret(flow):
            message = f"{finding}; NiFi would tell its value, or lose it."
            raise SaveError(message)
    written = [file for flow in flows if (file := _write(flow, folder / BUCKET))]
    return Saved(tuple(written), tuple(lint(flows)))


def as_text(flow: Flow) -> str:
    """A flow as its file has it."""
    return json.dumps(flow.snapshot, indent=2, ensure_ascii=False) + "\n"


def _flow(nifi: NiFi, committed: Flow, group: Group) -> Flow:
    live = group.download(nifi)
    found = normalise(committed.name, live, committed, read_parameters())
    for entity in nifi.get(f"/process-groups/{group.id}/processors")["processors"]:
        part = entity["component"]
        _refuse_hidden_secret(committed.name, part, part["config"], live["flowContents"]["processors"])
    for entity in nifi.get(f"/flow/process-groups/{group.id}/controller-services")["controllerServices"]:
        if (part := entity["component"])["parentGroupId"] == group.id:
            _refuse_hidden_secret(committed.name, part, part, live["flowContents"]["controllerServices"])
    return found


def _refuse_hidden_secret(flow: str, component: Json, config: Json, exported: list[Json]) -> None:
    """A sensitive literal shows as asterisks here and is absent from the download."""
    told = next((part for part in exported if part.get("instanceIdentifier") == component["id"]), {})
    for name, descriptor in config.get("descriptors", {}).items():
        hidden = config["properties"].get(name)
        if descriptor.get("sensitive") and hidden and not (told.get("properties") or {}).get(name):
            message = (
                f"{flow}: {component['name']}: {name} is a secret typed in by hand; "
                "make it a sensitive parameter, as the value itself cannot be saved."
            )
            raise SaveError(message)


def _write(flow: Flow, folder: Path) -> Path | None:
    file, text = folder / f"{flow.name}.json", as_text(flow)
    if file.exists() and file.read_text("utf-8") == text:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    half_done = file.with_suffix(".tmp")
    half_done.write_text(text, "utf-8")
    half_done.replace(file)
    return file
