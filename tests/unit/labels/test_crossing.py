"""What leaves is durable first, says nothing original, and is sent again until the handoff's receipt settles it."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handoff.contract.labels import MOST_ROWS
from processors.delivery.confirm import Answer
from processors.delivery.errors import LabelsGoneError
from processors.delivery.route import route
from processors.labels import document
from processors.labels.resolve import Target
from processors.ledger import label_documents
from processors.ledger.reconcile import reconcile
from processors.ledger.repair import rebuild, repair
from sluice.cli import main
from tests.unit.delivery.trusted_home import reference
from tests.unit.labels.hospital import Hospital


@pytest.fixture
def fresh(tmp_path: Path, hospital: Hospital):
    """A hospital of its own, for tests that write: a copy of the one that all others read."""
    made = hospital.copied(tmp_path / "home" / "trusted")
    yield made
    made.home.close()


def grade(hospital: Hospital, sheet: Callable[..., Path], value: object = 1, **options: object):
    """Import one label of one study."""
    file = sheet("StudyInstanceUID,grade", f"{hospital.seen['slice'].StudyInstanceUID},{value}")
    return hospital.run(file, **options)


def announced(hospital: Hospital) -> list[dict[str, str]]:
    """The FlowFiles of all labels that are due, as RouteDICOM makes them."""
    announcer = hospital.home.announcer()
    found = []
    while announcement := announcer.next(0):
        if announcement.kind == "labels":
            found += hospital.home.route(reference(announcement))
    announcer.close()
    return found


def test_an_import_lies_in_the_landing_byte_by_byte_as_the_ledger_says(fresh, sheet):
    outcome = grade(fresh, sheet)
    [id_] = outcome.recorded.documents
    row = label_documents.get(fresh.home.place.ledger, id_)
    file = fresh.home.place.layout.labels_of(id_)
    assert (row.state, row.revision, row.rows, row.size) == ("pending", 1, 1, file.stat().st_size)
    assert file.stat().st_mode & 0o777 == 0o600
    [said] = fresh.documents(outcome)
    assert (said.labels_id, said.project, said.source) == (id_, "lung", "reader")


def test_labels_are_announced_confirmed_by_a_receipt_and_then_never_again(fresh, sheet):
    grade(fresh, sheet)
    [entry] = announced(fresh)
    assert entry["kind"] == "labels"
    assert set(entry) == {
        "delivery.id", "delivery.n", "kind", "destination", "shipment.id",
        "package.path", "package.sha256", "package.size",
    }  # fmt: skip
    home = fresh.home
    receipt = home.handoff.receipt(
        "labels", entry["shipment.id"], "lung", entry["package.sha256"], int(entry["package.size"])
    )
    assert home.confirm(entry, Answer(201, receipt)).relationship == "success"
    assert home.rows("SELECT state, due_at FROM label_documents") == [("confirmed", None)]
    home.clock.now += 10_000
    assert announced(fresh) == []
    assert home.confirm(entry, Answer(200, receipt)).relationship == "superseded"


def test_what_nifi_lost_is_announced_again_with_the_same_bytes(fresh, sheet):
    grade(fresh, sheet)
    [before] = announced(fresh)
    fresh.home.place.announcer_started = False  # a new process
    [after] = announced(fresh)
    assert {**after, "delivery.n": ""} == {**before, "delivery.n": ""}
    assert int(after["delivery.n"]) > int(before["delivery.n"])
    assert fresh.home.confirm(before, Answer(500, "")).relationship == "superseded"


@pytest.mark.parametrize(
    ("status", "relationship", "state"),
    [(409, "rejected", "parked"), (422, "rejected", "parked"), (410, "rejected", "closed"), (503, "retry", "seen")],
)
def test_an_answer_that_is_no_receipt_confirms_nothing(fresh, sheet, status, relationship, state):
    grade(fresh, sheet)
    [entry] = announced(fresh)
    assert fresh.home.confirm(entry, Answer(status, "")).relationship == relationship
    assert fresh.home.rows("SELECT state FROM label_documents") == [(state,)]


def test_a_receipt_for_evidence_of_the_same_bytes_is_no_receipt_for_labels(fresh, sheet):
    grade(fresh, sheet)
    [entry] = announced(fresh)
    facts = entry["shipment.id"], "lung", entry["package.sha256"], int(entry["package.size"])
    outcome = fresh.home.confirm(entry, Answer(201, fresh.home.handoff.receipt("evidence", *facts)))
    assert (outcome.relationship, outcome.attributes["reason"]) == ("rejected", "receipt-mismatch")


def test_the_same_import_again_makes_nothing_and_another_one_the_next_revision(fresh, sheet):
    first, again, other = grade(fresh, sheet), grade(fresh, sheet), grade(fresh, sheet, 2)
    assert again.recorded.unchanged
    assert again.recorded.documents == first.recorded.documents
    assert (first.recorded.revision, other.recorded.revision) == (1, 2)
    assert grade(fresh, sheet, source="another").recorded.revision == 1
    assert grade(fresh, sheet).recorded.revision == 3, "back to what was said first is said anew"


def test_a_dry_run_writes_nothing(fresh, sheet):
    before = {file for file in fresh.home.root.rglob("*") if "db" not in file.name}
    outcome = grade(fresh, sheet, dry_run=True)
    assert (outcome.judgement.imported, outcome.recorded) == (1, None)
    assert {file for file in fresh.home.root.rglob("*") if "db" not in file.name} == before
    assert fresh.home.rows("SELECT count(*) FROM label_documents") == [(0,)]


def test_labels_whose_file_is_gone_are_not_made_up(fresh, sheet):
    [id_] = grade(fresh, sheet).recorded.documents
    fresh.home.place.layout.labels_of(id_).unlink()
    announcer = fresh.home.announcer()
    announcement = next(one for one in iter(lambda: announcer.next(0), None) if one.kind == "labels")
    with pytest.raises(LabelsGoneError):
        route(fresh.home.place, reference(announcement), "r")


def test_a_long_import_is_several_documents_of_one_revision():
    taken = {Target("patient", f"P{number:07}"): {"grade": 1} for number in range(2 * MOST_ROWS + 1)}
    made = document.documents(
        document.rows_of(taken), destination="handoff", project="lung", source="reader", revision=7
    )
    assert [one.row.rows for one in made] == [MOST_ROWS, MOST_ROWS, 1]
    assert {one.row.revision for one in made} == {7}
    assert len({one.row.content for one in made}) == 1


ORIGINALS = re.compile(r"hosp|a-\d|testperson|referrer|rita|19510203|20240506|frontdoor|scanner9|4711|1001")
LEAKS = ("PatientID", "AccessionNumber", "PatientBirthDate", "StudyDate", "SOPInstanceUID", "PatientName")
LINES = st.lists(
    st.tuples(
        st.sampled_from(["slice", "other slice", "other study", "north", "south", "shared", "heart", "withheld"]),
        st.sampled_from(["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"]),
        st.sampled_from(["2", "12.5", "true", "benign", "BI-RADS_4a"]),
        st.sampled_from([*LEAKS, None]),
        st.sampled_from([str.lower, str.title, lambda text: text[:5], lambda text: text[-4:], lambda text: "x" + text]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES)
def test_no_original_value_survives_in_a_document(hospital, sheet, lines):
    """Whatever is written into label cells, originals and parts of them included: nothing of it is in what leaves."""
    seen = hospital.seen
    cells = [
        f"{seen[name][keyword].value if keyword == given else ''}"
        for name, keyword, _, _, _ in lines
        for given in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
    ]
    keys = [",".join(cells[at : at + 3]) for at in range(0, len(cells), 3)]
    values = [changed(str(seen[name][leak].value)) if leak else safe for name, _, safe, leak, changed in lines]
    rows = [f'{key},"{value}"' for key, value in zip(keys, values, strict=True)]
    outcome = hospital.run(sheet("StudyInstanceUID,SeriesInstanceUID,SOPInstanceUID,grade", *rows), dry_run=True)
    taken = document.rows_of(outcome.judgement.taken)
    made = document.documents(taken, destination="handoff", project="lung", source="reader", revision=1)
    originals = {
        str(each[keyword].value) for each in seen.values() for keyword in ("SOPInstanceUID", "StudyInstanceUID")
    }
    for one in made:
        text = one.body.decode().casefold()
        assert not [value for value in originals if value in text]
        assert not ORIGINALS.search(json.dumps([row["labels"] for row in taken]).casefold())


def test_reconcile_counts_label_documents_and_sees_one_that_is_not_as_it_was(fresh, sheet):
    fresh.home.end()
    site = fresh.home.place.site
    [id_] = grade(fresh, sheet).recorded.documents
    assert reconcile(site.landing, site.ledger, pause=lambda _: None).labels == {"pending": 1}
    file = fresh.home.place.layout.labels_of(id_)
    content = file.read_bytes()
    file.write_bytes(content.replace(b":1", b":2", 1))
    found = reconcile(site.landing, site.ledger, pause=lambda _: None).gaps
    assert [(gap.kind, gap.subject) for gap in found if "labels" in gap.kind] == [("labels-differ", id_)]
    file.unlink()
    found = reconcile(site.landing, site.ledger, pause=lambda _: None).gaps
    assert [(gap.kind, gap.subject) for gap in found if "labels" in gap.kind] == [("labels-gone", id_)]


def test_repair_announces_labels_that_nobody_would_and_rebuild_enters_what_only_the_landing_has(fresh, sheet):
    site = fresh.home.place.site
    [id_] = grade(fresh, sheet).recorded.documents
    ledger = fresh.home.place.ledger
    ledger.execute("UPDATE label_documents SET due_at = NULL, state = 'seen'")
    gaps = reconcile(site.landing, site.ledger, pause=lambda _: None).gaps
    assert ("labels-stalled", id_) in [(gap.kind, gap.subject) for gap in gaps]
    repair(site.landing, site.ledger, gaps)
    assert fresh.home.rows("SELECT due_at FROM label_documents") == [(0.0,)]
    before = label_documents.get(ledger, id_)
    ledger.execute("DELETE FROM label_documents")
    assert rebuild(site.landing, site.ledger).labels == 1
    after = label_documents.get(ledger, id_)
    assert (after.revision, after.sha256, after.rows, after.state) == (1, before.sha256, 1, "pending")
    assert grade(fresh, sheet, 2).recorded.revision == 2


def test_the_command_lists_lines_by_number_and_code_alone(fresh, sheet, tmp_path, capsys):
    slice_ = fresh.seen["slice"]
    file = sheet("StudyInstanceUID,grade", f"{slice_.StudyInstanceUID},2", "1.2.3,2", f"{slice_.StudyInstanceUID},4711")
    arguments = ["labels", "import", str(file), "--destination", "lung", "--source", "radiology-2026"]
    home = ["--home", str(tmp_path / "home")]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, *home, "--json", "--report", str(tmp_path / "report.jsonl")])
    assert ended.value.code == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["rows"], said["imported"], said["listed"]) == (
        3,
        0,
        {"key-unknown": 1, "identifying-value": 1, "contradiction": 1},
    )
    assert {one["line"] for one in said["lines"]} == {2, 3, 4}
    report = [json.loads(line) for line in (tmp_path / "report.jsonl").read_text().splitlines()]
    assert report[1] == {"line": 3, "reason": "key-unknown", "columns": ["StudyInstanceUID"]}
    assert (tmp_path / "report.jsonl").stat().st_mode & 0o777 == 0o600
    assert slice_.StudyInstanceUID not in json.dumps([said, report])


def test_the_command_tells_a_person_what_became_of_the_file(fresh, sheet, tmp_path, capsys):
    file = sheet("StudyInstanceUID,grade", f"{fresh.seen['slice'].StudyInstanceUID},2")
    main(
        ["labels", "import", str(file), "--destination", "lung", "--source", "reader", "--home", str(tmp_path / "home")]
    )
    assert "1 rows, 1 imported (1 labels), 0 listed; revision 1 of reader" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["SOPInstanceUID", "StudyInstanceUID"])
def test_labels_of_a_patient_who_withdrew_do_not_cross(fresh, sheet, key):
    made = fresh.seen["slice"]
    assert fresh.run(sheet(f"{key},grade", f"{made[key].value},1"), dry_run=True).judgement.taken
    fresh.home.place.vault.withdraw(made.PatientID, str(made.get("IssuerOfPatientID", "")), "lung")
    outcome = fresh.run(sheet(f"{key},grade", f"{made[key].value},1"))
    assert outcome.judgement.taken == {}
    assert [each.reason for each in outcome.judgement.listed] == ["no-consent"]
    assert outcome.recorded is None


def test_labels_of_a_patient_alone_who_withdrew_do_not_cross(fresh, sheet):
    fresh.home.place.vault.withdraw("HOSP-4711", "", None)
    outcome = fresh.run(sheet("PatientID,grade", "HOSP-4711,1"))
    assert [each.reason for each in outcome.judgement.listed] == ["no-consent"]
