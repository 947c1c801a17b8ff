"""Nothing that leaves tells when it was received: who knew that would know by how many days dates were moved.

Twice the same instances, received at other times, in another order, by another machine's worker: every byte that leaves
is the same, so that it says nothing of any of them. Ids are random, and stand still for the comparison.
"""

import itertools
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from handoff.contract.commitment import StorageCommitment
from handoff.contract.document import Document
from handoff.contract.evidence import Evidence
from handoff.contract.expected import ExpectedCount
from handoff.contract.labels import Labels
from handoff.contract.performed import PerformedStep
from handoff.contract.shipment import Manifest
from processors.delivery import evidence, route
from processors.delivery.workers import Pool
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference

MakeHome = Callable[..., TrustedHome]
CROSSING: list[type[Document]] = [Manifest, Evidence, ExpectedCount, StorageCommitment, PerformedStep, Labels]
MORNING, LATER = 1_700_000_000.25, 1_893_456_789.5


@pytest.fixture(scope="module")
def another_pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Three more workers, which have seen nothing yet."""
    pool = Pool(3, tmp_path_factory.mktemp("more") / "workers.log")
    yield pool
    pool.close()


def series(study: str, count: int = 4) -> list[Dataset]:
    uid = generate_uid()
    return [ct(study, uid, InstanceNumber=number) for number in range(1, count + 1)]


def leave(home: TrustedHome, datasets: list[Dataset], at: float, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Everything that leaves of a delivery: its package, then its evidence."""
    numbers = itertools.count(1)
    for module in (route, evidence):
        ids = SimpleNamespace(token_hex=lambda size: f"{next(numbers):0{2 * size}x}")
        monkeypatch.setattr(module, "secrets", ids)
    home.clock.now = at
    home.seal(datasets)
    home.clock.now = at + 17.0
    announcer = home.announcer()
    [entry] = home.route(reference(announcer.next(0)))
    package = home.treat(entry)
    home.clock.now = at + 171.0
    home.end()
    [message] = home.route(reference(announcer.next(0)))
    announcer.close()
    return [Path(each["package.path"]).read_bytes() for each in (package, message)]


def twin(make_home: MakeHome, like: TrustedHome, **settings: object) -> TrustedHome:
    """Another home with the same key."""
    home = make_home(**settings)
    shutil.copy(like.root / "keys" / "site.key", home.root / "keys" / "site.key")
    return home


def test_the_same_instances_leave_as_the_same_bytes_whenever_and_however_they_came(
    make_home: MakeHome, another_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = series(generate_uid())
    first = make_home()
    second = twin(make_home, first, pool=another_pool)
    one = leave(first, datasets, MORNING, monkeypatch)
    two = leave(second, datasets[::-1], LATER, monkeypatch)
    assert one == two


def test_the_comparison_sees_a_time(make_home: MakeHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would find one that were in the treatment that a package's manifest names."""
    datasets = series(generate_uid(), 1)
    first = make_home()
    second = twin(make_home, first)
    facts = route.treatment_facts
    one = leave(first, datasets, MORNING, monkeypatch)
    monkeypatch.setattr(route, "treatment_facts", lambda *given: {**facts(*given), "at": str(second.clock.now)})
    assert one != leave(second, datasets, LATER, monkeypatch)


def test_members_of_a_package_have_one_fixed_time_and_no_owner(
    home: TrustedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(home, series(generate_uid()), LATER, monkeypatch)
    [package] = home.place.site.landing.rglob("*.zip")
    with zipfile.ZipFile(package) as archive:
        entries = archive.infolist()
        assert archive.comment == b""
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert {(entry.extra, entry.comment, entry.external_attr) for entry in entries} == {(b"", b"", 0)}


def test_instances_stand_in_an_order_that_is_not_that_of_their_arrival(
    home: TrustedHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(home, series(generate_uid(), 8), LATER, monkeypatch)
    [package] = home.place.site.landing.rglob("*.zip")
    with zipfile.ZipFile(package) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    uids = [each["sop_instance_uid"] for each in manifest["instances"]]
    assert uids == sorted(uids)


def test_a_subject_is_in_no_package(home: TrustedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    left = leave(home, series(generate_uid()), LATER, monkeypatch)
    assert home.place.vault.subjects_of("HOSP-4711", "") == {"lung": "S-0001"}
    assert all(b"S-0001" not in each for each in left)


@pytest.mark.parametrize("document", CROSSING, ids=lambda document: document.__name__)
def test_no_document_that_crosses_has_a_place_for_a_time(document: type[Document]) -> None:
    """What is in a document as `treatment` is pinned by a delivery's route, and compared above."""
    schema = json.dumps(document.model_json_schema())
    names = {name.lower() for name in re.findall(r'"([A-Za-z_]+)": \{', schema)}
    assert not {name for name in names if re.search(r"(^|_)(at|on|time|date|day|received|sent|since|until)($|_)", name)}
    assert '"date-time"' not in schema
    assert '"date"' not in schema
