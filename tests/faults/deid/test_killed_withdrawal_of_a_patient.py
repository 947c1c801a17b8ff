"""A patient's withdrawal that is killed at any step and repeated ends as one that was not: the same state everywhere,
and one certificate.
"""

import json
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from handoff.database.engine import Database
from handoff.database.migrate import upgrade
from processors.delivery.workers import Pool
from processors.labels.importing import Order, run
from tests.unit.delivery.asked_desk import Body
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference
from tests.unit.results.conftest import SITE, Site, slices
from tests.unit.withdrawals.desk import Desk

pytestmark = [pytest.mark.faults, pytest.mark.timeout(1800)]

MINE, OTHER = "HOSP-4711", "HOSP-0815"
SAME = (
    "found", "ended", "remains", "certificates", "shipments", "deliveries", "labels", "results", "landing", "store",
    "copies", "withdrawals",
)  # fmt: skip


def routed(home: TrustedHome) -> dict[str, str]:
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    announcer.close()
    return entry


def delivered(site: Site, desk: Desk, patient: str) -> str:
    """Three slices that both zones have; returns their study."""
    made = slices(3, patient=patient)
    site.home.seal(made)
    entry = site.home.treat(routed(site.home))
    desk.deliver(Body(entry["shipment.id"], Path(entry["package.path"])))  # type: ignore[arg-type]
    site.home.confirm(entry, site.home.handoff.accept(entry, "lung"))
    site.shipments.append(entry["shipment.id"])
    if patient == MINE:
        site.made_of = made
    return str(made[0].StudyInstanceUID)


def made(home: Path) -> None:
    """Of the patient: something delivered and batched, a package, something routed, a label row, a result."""
    template = home.parent / "template.db"
    database = Database(f"sqlite:///{template}")
    upgrade(database)
    database.close()
    with sqlite3.connect(template) as plain:
        plain.execute("PRAGMA journal_mode = DELETE")
    desk = Desk(home / "research", template)
    pool = Pool(1, home.parent / "workers.log")
    site = Site(TrustedHome(home / "trusted", pool, site=SITE))
    studies = [delivered(site, desk, patient) for patient in (MINE, OTHER)]
    desk.complete()
    desk.form(project="lung")
    sheet = home.parent / "labels.csv"
    sheet.write_text("\n".join(["StudyInstanceUID,grade", *(f"{study},1" for study in studies)]))
    run(home / "trusted", Order(sheet, "lung", "reader"), lambda _done, _all: None)
    assert site.bring(site.segmentation(site.made_of))[1].state == "ready"
    site.home.seal([ct(generate_uid(), generate_uid())])
    site.home.treat(routed(site.home))
    site.home.seal([ct(generate_uid(), generate_uid())])
    routed(site.home)
    site.home.close()
    desk.close()
    pool.close()


def test_killed_at_each_step_and_repeated_it_ends_the_same(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    made(home)
    program = [sys.executable, "-m", "tests.faults.deid.withdrawal_dies", str(home), MINE]
    done = subprocess.run(program, check=True, capture_output=True, text=True, timeout=1700)
    whole, *tries = [json.loads(line) for line in done.stdout.splitlines()]

    assert whole["ended"]
    assert len(whole["certificates"]) == len(whole["withdrawals"]) == 1
    assert [row[1:3] for row in whole["results"]] == [["closed", "withdrawn"]]
    assert sorted(row[1] for row in whole["labels"]) == ["closed", "pending"]
    assert len(tries) == whole["steps"] >= 20
    for each in tries:
        assert (each["died"], each["again"]) == (-signal.SIGKILL, 0), each["step"]
        assert {name: each[name] for name in SAME} == {name: whole[name] for name in SAME}, each["step"]
