"""`sluice ledger reconcile --by-peer --ask`: what a real Orthanc has of a day, beside what is here."""

import json

import pytest

from tests.integration.pull.conftest import Hospital
from tests.receiver_process import uid_of

pytestmark = pytest.mark.integration


def test_what_the_pacs_has_more_of_is_counted_by_who_brought_it_and_exits_1(hospital: Hospital) -> None:
    day = {"StudyDate": "20110203"}
    whole, part, absent = hospital.study(3, **day), hospital.study(4, **day), hospital.study(2, **day)
    hospital.study(1, StudyDate="20110204")
    for file in part.files[2:]:
        hospital.pacs.delete_instance(uid_of(file))
    assert hospital.pull("--list", hospital.list_of(whole, part)).code == 0
    hospital.pacs.add(part.files)
    asked = ("ledger", "reconcile", "--by-peer", "--day", "2011-02-03", "--ask", "pacs")
    ran = hospital.run(*asked, "--json")
    nobody = {"peer": "", "studies": 1, "there": 2, "here": 0, "incomplete": 1}
    brought = {"peer": "pacs", "studies": 2, "there": 7, "here": 5, "incomplete": 1}
    assert json.loads(ran.output)["counts"] == [nobody, brought]
    assert ran.code == 1
    assert "nobody: not here" in hospital.run(*asked).output
    assert hospital.pull("--list", hospital.list_of(part, absent)).code == 0
    ran = hospital.run(*asked, "--json")
    assert json.loads(ran.output)["counts"] == [{"peer": "pacs", "studies": 3, "there": 9, "here": 9, "incomplete": 0}]
    assert ran.code == 0, ran.errors
