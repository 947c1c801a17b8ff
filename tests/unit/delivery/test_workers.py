"""Workers die, NiFi's threads end, NiFi itself is killed: packages are made all the same, or not at all."""

import os
import select
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.uid import generate_uid

from handoff.contract.shipment import Manifest
from processors.delivery.errors import WorkerFailedError
from processors.delivery.flowfile import Reference
from processors.delivery.treat import ATTEMPTS_UNTIL_UNREADABLE, one_at_a_time, treat
from processors.delivery.worker import engine_of, work
from processors.delivery.workers import Pool, Worker
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference


@pytest.fixture
def crashing(tmp_path: Path) -> Iterator[Pool]:
    """A pool whose workers die over a slice that says CRASH."""
    pool = Pool(1, tmp_path / "workers.log", "tests.unit.delivery.crashing_worker")
    yield pool
    pool.close()


def slices(count: int, bad: int, accession: str) -> list:
    study, series = generate_uid(), generate_uid()
    return [
        ct(study, series, ReferringPhysicianName=accession if number == bad else "Doe^Jane") for number in range(count)
    ]


def test_a_slice_that_kills_its_worker_is_found_and_withheld_and_the_rest_goes_on(
    make_home: Callable[..., TrustedHome], crashing: Pool
) -> None:
    home = make_home(pool=crashing)
    home.seal(slices(3, 1, "CRASH^Me"))
    [sent] = home.deliver(reference(home.announcer().next(0)))
    with zipfile.ZipFile(sent["package.path"]) as package:
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
    assert len(manifest.instances) == 2
    assert manifest.withheld == {"crashes-worker": 1}
    assert home.rows("SELECT attempts, workers_lost, state FROM shipments") == [(1, 2, "confirmed")]
    assert home.rows("SELECT reason FROM shipment_instances WHERE state = 'withheld'") == [("crashes-worker",)]


def test_a_worker_that_fails_says_no_more_than_a_code_and_lives_on(
    make_home: Callable[..., TrustedHome], crashing: Pool, tmp_path: Path
) -> None:
    home = make_home(pool=crashing)
    home.seal(slices(1, 0, "RAISE^Me"))
    [entry] = home.route(reference(home.announcer().next(0)))
    with pytest.raises(WorkerFailedError, match=r"^runtime$"):
        treat(home.place, Reference.read(entry), home.pool)
    log = tmp_path / "workers.log"
    assert "Testperson" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert not list(home.place.delivery_folder(entry["delivery.id"]).glob("*.zip"))


def test_a_file_that_stays_unreadable_is_withheld_in_the_end_and_the_rest_goes_on(home: TrustedHome) -> None:
    delivery = home.seal(slices(3, 9, ""))
    (home.place.delivery_folder(delivery) / "000002.dcm").unlink()
    [entry] = home.route(reference(home.announcer().next(0)))
    for _ in range(ATTEMPTS_UNTIL_UNREADABLE):
        with pytest.raises(WorkerFailedError, match="enoent"):
            treat(home.place, Reference.read(entry), home.pool)
    with zipfile.ZipFile(home.treat(entry)["package.path"]) as package:
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
    assert len(manifest.instances) == 2
    assert manifest.withheld == {"unreadable": 1}


def test_the_pool_works_on_after_the_thread_that_started_its_worker_has_ended(home: TrustedHome) -> None:
    home.seal(slices(1, 9, ""))
    home.seal(slices(1, 9, ""))
    announcer = home.announcer()
    entries = [home.route(reference(announcer.next(0)))[0] for _ in range(2)]

    def task(entry: dict[str, str]) -> None:
        home.treat(entry)
        home.place.close()

    for entry in entries:
        thread = threading.Thread(target=task, args=[entry])
        thread.start()
        thread.join()
    assert home.rows("SELECT state FROM shipments") == [("packaged",), ("packaged",)]


def test_two_tasks_with_the_same_shipment_make_one_package(home: TrustedHome) -> None:
    home.seal(slices(2, 9, ""))
    [entry] = home.route(reference(home.announcer().next(0)))
    digests = []

    def task() -> None:
        digests.append(home.treat(entry)["package.sha256"])
        home.place.close()

    threads = [threading.Thread(target=task) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(digests) == 4
    assert len(set(digests)) == 1
    assert home.rows("SELECT attempts FROM shipments") == [(1,)]


def test_however_many_tasks_take_turns_only_one_has_a_shipment() -> None:
    inside: list[int] = []
    most: list[int] = []

    def task() -> None:
        for number in range(100):
            with one_at_a_time("shipment"):
                inside.append(number)
                most.append(len(inside))
                threading.Event().wait(1e-6)
                inside.pop()

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=task) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert max(most) == 1


def test_workers_end_when_their_parent_is_killed_even_under_python_without_site(tmp_path: Path) -> None:
    """NiFi runs Python with -S and ends it with SIGKILL."""
    parent = (
        f"import sys; sys.path[:] = {sys.path!r}\n"
        "from pathlib import Path\n"
        "from processors.delivery.workers import Worker\n"
        f"worker = Worker(Path({str(tmp_path / 'log')!r}))\n"
        "print(worker._process.pid, flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", parent], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as nifi:
        worker = os.pidfd_open(int(nifi.stdout.readline()))
        nifi.kill()
    ended, _, _ = select.select([worker], [], [], 60)
    os.close(worker)
    assert ended, "the worker outlived its parent"


def test_a_worker_sees_no_secret_of_nifis_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTH_TOKEN", "secret")
    worker = Worker(tmp_path / "log")
    assert b"AUTH_TOKEN" not in Path(f"/proc/{worker._process.pid}/environ").read_bytes()
    worker.end()


SLOW_WORKER = """
import json, os, sys
answers = int(sys.argv[1])
for line in sys.stdin:
    os.write(answers, b"\\n\\n\\n" + json.dumps({"said": json.loads(line)}).encode() + b"\\n")
"""


def test_blank_lines_say_that_a_worker_lives_and_are_no_answers(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "slow_worker.py").write_text(SLOW_WORKER)
    monkeypatch.syspath_prepend(tmp_path)
    worker = Worker(tmp_path / "workers.log", "slow_worker")
    assert [worker.run({"job": number}) for number in range(3)] == [{"said": {"job": number}} for number in range(3)]
    worker.end()


def test_each_instance_is_a_sign_of_life_of_its_worker(home: TrustedHome) -> None:
    home.seal([ct("1.2.3", "1.2.3.4") for _ in range(3)])
    [entry] = home.route(reference(home.announcer().next(0)))
    jobs: list[dict] = []

    class Keeps:
        def run(self, job: dict) -> dict:
            jobs.append(job)
            return home.pool.run(job)

    treat(home.place, Reference.read(entry), Keeps())  # type: ignore[arg-type]
    lived: list[None] = []
    work({**jobs[0], "part": f"{jobs[0]['part']}.again"}, engine_of(jobs[0]), lambda: lived.append(None))
    assert len(lived) == 3
