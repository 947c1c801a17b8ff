"""Each run, batch and promotion is told as OpenLineage events, once and in order, whoever listens and from when on."""

import json
import time

import pytest

from handoff.handoffs.states import State
from handoff.lineage.log import record
from handoff.mirrors.settings import OpenLineageMirror
from handoff.mirrors.tell_openlineage import OpenLineageFile, OpenLineageHttp
from tests.http_sink import HttpSink
from tests.integration.mirrors.openlineage_reader import read_event
from tests.integration.mirrors.told import BATCH, Told
from tests.waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def told(tmp_path):
    with Told(tmp_path, "http://127.0.0.1:1") as told:
        with told.database.write() as session:
            record(session, "batch-formed", ("batch", BATCH), told.project)
        yield told


def to_file(told: Told, **settings) -> list[bytes]:
    """The lines that the file has once everything was told."""
    file = told.home.root / "lineage.jsonl"
    mirror = OpenLineageFile(OpenLineageMirror(file=file, **settings))
    thread = told.start(mirror)
    told.wait(60, mirror)
    thread.stop()
    return file.read_bytes().splitlines()


def test_a_run_is_a_start_and_an_end_that_openlineages_own_client_reads(told):
    trained = told.submitted()
    told.end(trained, dice=0.75)
    formed, started, ended = map(read_event, to_file(told))
    space = f"sluice.{told.project}"
    assert (formed.job.name, formed.outputs[0].name) == ("form-batch", f"batches/{BATCH}")
    assert formed.outputs[0].facets["sluice_batch"]["instances"] == 8
    assert [event.eventType.value for event in (formed, started, ended)] == ["COMPLETE", "START", "COMPLETE"]
    assert started.run.runId == ended.run.runId
    assert (ended.job.namespace, ended.job.name) == (space, "train.toy")
    assert [(one.namespace, one.name) for one in ended.inputs] == [(space, f"batches/{BATCH}")]
    assert [one.name for one in ended.outputs] == [f"models/{told.model}:1"]
    assert ended.outputs[0].outputFacets["outputStatistics"].fileCount == 1
    about = ended.run.facets["sluice_handoff"]
    assert (about["key"], about["state"], about["metrics"]) == (told.key(trained), "SUCCEEDED", {"dice": 0.75})
    assert "state" not in started.run.facets["sluice_handoff"]


@pytest.mark.parametrize(
    ("state", "kind"), [(State.FAILED, "FAIL"), (State.CANCELED, "ABORT"), (State.LOST, "FAIL")], ids=str
)
def test_an_end_without_a_result_says_so(told, state, kind):
    told.end(told.submitted("infer"), state)
    ended = read_event(to_file(told)[-1])
    assert (ended.eventType.value, ended.outputs) == (kind, [])
    assert ended.run.facets["errorMessage"].message


def test_a_promotion_leads_from_the_version_to_the_alias(told):
    told.end(told.submitted(), dice=0.5)
    told.promote(1)
    moved = read_event(to_file(told)[-1])
    assert (moved.inputs[0].name, moved.outputs[0].name) == (f"models/{told.model}:1", f"aliases/{told.model}@champion")
    assert moved.outputs[0].facets["version"].datasetVersion == f"{told.model}:1"


def test_an_event_tells_how_long_a_run_took_and_not_when_it_was(told):
    told.end(told.submitted("infer"))
    lines = to_file(told)
    begun, ended = (json.loads(line)["eventTime"] for line in lines[1:])
    assert begun == "1970-01-01T00:00:00.000+00:00"
    assert "1970-01-01T00:00:05" <= ended < "1970-01-01T00:01:00"
    today = time.strftime("%Y-%m-%d", time.gmtime())
    assert not any(today.encode() in line for line in lines)


def test_a_site_that_alone_sees_the_events_may_have_the_times(told):
    told.end(told.submitted("infer"))
    ended = json.loads(to_file(told, with_times=True)[-1])
    assert ended["eventTime"].startswith(time.strftime("%Y-%m-%dT", time.gmtime()))


def test_lost_answers_and_a_server_in_trouble_cost_no_event_and_what_comes_again_is_the_same(told, tmp_path):
    for _ in range(2):
        told.end(told.submitted("infer"))
    with HttpSink(tmp_path, "lose", "500", "204", "lose", "429", "204") as sink:
        mirror = OpenLineageHttp(OpenLineageMirror(url=sink.url))
        told.start(mirror)
        told.wait(60, mirror)
        assert list(dict.fromkeys(post["body"] for post in sink.taken)) == to_file(told)
        assert len(sink.posts) == 5 + 4


def test_endpoint_and_file_each_learn_of_everything_by_themselves(told, tmp_path):
    told.end(told.submitted("infer"))
    lines = to_file(told)
    told.end(told.submitted("infer"))
    with HttpSink(tmp_path) as sink:
        mirror = OpenLineageHttp(OpenLineageMirror(url=sink.url))
        told.start(mirror)
        told.wait(60, mirror)
        bodies = [post["body"] for post in sink.taken]
    assert (bodies[:3], len(bodies)) == (lines, 5)
    assert to_file(told) == bodies


@pytest.mark.parametrize("cut", [1, 40, 0], ids=["its newline is missing", "half of it is missing", "it is whole"])
def test_a_line_that_a_killed_worker_was_writing_stands_in_the_file_once_and_whole(told, cut):
    told.end(told.submitted("infer"))
    whole = to_file(told)
    file = told.home.root / "lineage.jsonl"
    content = file.read_bytes()
    file.write_bytes(content[: len(content) - cut])
    with told.database.write() as session:
        row = told.place(session, "openlineage-file")
        row.wanted -= 1  # as before the last event was noted as told
    assert to_file(told) == whole


def test_a_file_that_cannot_be_written_is_waited_for(told):
    file = told.home.root / "folder" / "lineage.jsonl"
    mirror = OpenLineageFile(OpenLineageMirror(file=file))
    told.start(mirror)
    wait_for(lambda: list(told.rows().values()) == [("waiting", "file-unwritable")])
    file.parent.mkdir()
    told.wait(60, mirror)
    assert len(file.read_bytes().splitlines()) == 1


def test_a_batch_of_more_shipments_than_are_named_counts_them_all(told, monkeypatch):
    monkeypatch.setattr("handoff.lineage.openlineage.MOST_INPUTS", 2)
    told.ship(3)
    formed = read_event(to_file(told)[0])
    about = formed.outputs[0].facets["sluice_batch"]
    assert (len(formed.inputs), about["shipments"], about["shipmentsNamed"]) == (2, 3, 2)


def test_a_handoff_that_no_engine_ever_had_is_no_run(told):
    told.reject()
    assert len(to_file(told)) == 1
