"""What the record promises: every change of it is found and named, and a crash costs what nobody vouched for."""

import errno
import fcntl
import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from processors.audit import chain as chain_module
from processors.audit.chain import Chain, locked
from processors.audit.errors import AuditUnwritableError, PublicKeyError
from processors.audit.lines import record_of
from processors.audit.reading import records
from processors.audit.signer import Signer, Trusted
from processors.audit.verify import Verdict, verify
from processors.deid.keys import KeyFile

NOON = 1_700_000_000.0
DAY = 86_400.0
KEYS = KeyFile(id="abcd0123", epoch=1, secret=bytes(32))
OTHERS = KeyFile(id="ffff0000", epoch=1, secret=bytes(31) + b"x")


def chain(root: Path, keys: KeyFile = KEYS) -> Chain:
    return Chain(root, "lung", Signer(keys))


def written(root: Path, batches: int = 4, days: int = 1) -> list[Path]:
    """Batches of three records each; returns the files."""
    for batch in range(batches):
        told = [{"kind": "instance", "what": 3 * batch + number} for number in range(3)]
        chain(root).append(told, NOON + DAY * (batch * days // batches))
    return sorted((root / "lung").glob("*.jsonl"))


def judged(root: Path, **more: object) -> Verdict:
    return verify(root, "lung", Trusted.of_site(KEYS), **more)  # type: ignore[arg-type]


def codes(root: Path) -> list[str]:
    return [fault.code for fault in judged(root).faults]


def test_what_was_written_is_whole_over_days_and_processes(tmp_path: Path) -> None:
    files = written(tmp_path, batches=6, days=3)

    found = judged(tmp_path)

    assert [file.name for file in files] == ["2023-11-14.jsonl", "2023-11-15.jsonl", "2023-11-16.jsonl"]
    assert (found.faults, found.records, found.heads, found.n) == ([], 18, 6, 24)
    assert [each["what"] for each in records(tmp_path, "lung")] == list(range(18))
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_a_record_that_was_changed_is_named(tmp_path: Path) -> None:
    [file] = written(tmp_path)
    lines = file.read_bytes().split(b"\n")
    lines[5] = lines[5].replace(b'"what":4', b'"what":9')
    file.write_bytes(b"\n".join(lines))

    [fault] = judged(tmp_path).faults

    assert (fault.code, fault.where) == ("changed", f"{file.name}:7")
    assert f"{file.name}:6" in fault.says


def resigned(lines: list[bytes]) -> list[bytes]:
    """The chain again over other records, as somebody would make it who has another key."""
    from processors.audit.lines import digest_of, genesis, line_of

    signer, prev, made = Signer(OTHERS), genesis("lung"), []
    for n, line in enumerate(lines, 1):
        record = {**json.loads(line), "n": n, "prev": prev}
        if record["kind"] == "head":
            record = signer.sign({name: record[name] for name in ("kind", "project", "n", "prev", "at")})
        made.append(line_of(record))
        prev = digest_of(made[-1])
    return made


CHANGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a record is missing": (lambda lines: lines[:5] + lines[6:], "missing"),
    "a batch is missing": (lambda lines: lines[:4] + lines[8:], "missing"),
    "the first record is missing": (lambda lines: lines[1:], "missing"),
    "two records changed places": (lambda lines: [*lines[:1], lines[2], lines[1], *lines[3:]], "order"),
    "a batch stands twice": (lambda lines: lines + lines[-4:], "order"),
    "a line is no record": (lambda lines: [*lines[:2], b"x" + lines[2], *lines[3:]], "changed"),
    "a line is written in another form": (
        lambda lines: [*lines[:2], lines[2].replace(b":", b": "), *lines[3:]],
        "changed",
    ),
    "the last head is missing": (lambda lines: lines[:-1], "unsigned"),
    "all was made again with another key": (resigned, "signature"),
}


@pytest.mark.parametrize(("change", "code"), CHANGES.values(), ids=CHANGES)
def test_what_was_done_to_a_chain_is_found(
    tmp_path: Path, change: Callable[[list[bytes]], list[bytes]], code: str
) -> None:
    [file] = written(tmp_path)
    lines = file.read_bytes().splitlines()
    file.write_bytes(b"".join(line + b"\n" for line in change(lines)))

    assert code in codes(tmp_path)


def test_a_file_of_a_day_that_is_missing_is_found(tmp_path: Path) -> None:
    files = written(tmp_path, batches=6, days=3)
    files[1].unlink()

    assert codes(tmp_path) == ["missing"]


def test_a_chain_of_another_project_is_not_believed(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "lung").rename(tmp_path / "heart")

    found = verify(tmp_path, "heart", Trusted.of_site(KEYS))

    assert {fault.code for fault in found.faults} == {"changed", "order"}


def test_every_cut_of_the_last_batch_costs_that_batch_alone_and_is_kept_aside(tmp_path: Path) -> None:
    """A process may be killed after any byte of an append; whoever writes next goes on from the last signature."""
    [file] = written(tmp_path, batches=2)
    whole = file.read_bytes()
    begun = whole.rindex(b"\n", 0, whole.rindex(b'"what":3'))
    for end in range(begun + 1, len(whole), 97):
        root = tmp_path / f"cut{end}"
        (root / "lung").mkdir(parents=True)
        cut = root / "lung" / file.name
        cut.write_bytes(whole[:end])

        chain(root).append([{"kind": "instance", "what": "after"}], NOON)

        found = judged(root)
        assert (found.faults, found.n) == ([], 6), end
        kept = b"".join(each.read_bytes() for each in (root / "lung").glob("*.cut"))
        assert kept == whole[begun + 1 : end]


def test_a_file_in_which_nothing_was_ever_signed_leaves_the_chain(tmp_path: Path) -> None:
    [first] = written(tmp_path, batches=1)
    torn = first.with_name("2023-11-15.jsonl")
    torn.write_bytes(b'{"kind":"instance","n":5')

    chain(tmp_path).append([{"kind": "instance"}], NOON + 2 * DAY)

    found = judged(tmp_path)
    assert (found.faults, found.cut) == ([], ["2023-11-15.0.cut"])


def test_a_clock_that_goes_back_does_not_put_a_record_before_others(tmp_path: Path) -> None:
    chain(tmp_path).append([{"kind": "instance"}], NOON + DAY)
    chain(tmp_path).append([{"kind": "instance"}], NOON)

    assert [file.name for file in (tmp_path / "lung").glob("*.jsonl")] == ["2023-11-15.jsonl"]
    assert codes(tmp_path) == []


def _append(root: Path, batches: int) -> None:
    mine = chain(root)
    for _ in range(batches):
        mine.append([{"kind": "instance", "by": os.getpid()}] * 3, NOON)


def test_processes_that_write_at_once_make_one_chain(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_append, args=(tmp_path, 20)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    found = judged(tmp_path)

    assert (found.faults, found.records, found.heads) == ([], 180, 60)


def test_a_batch_for_which_there_is_no_room_is_taken_back_and_its_writer_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [file] = written(tmp_path, batches=1)
    before = file.read_bytes()

    def full(descriptor: int, *pieces: bytes) -> None:
        os.write(descriptor, pieces[0][:100])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(chain_module, "write_all", full)
        with pytest.raises(AuditUnwritableError):
            chain(tmp_path).append([{"kind": "instance"}], NOON)

    assert file.read_bytes() == before
    chain(tmp_path).append([{"kind": "instance"}], NOON)
    assert codes(tmp_path) == []


def test_a_batch_is_synced_before_its_writer_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(chain_module.os, "fsync", lambda descriptor: calls.append("fsync"))
    monkeypatch.setattr(chain_module, "sync_folder", lambda folder: calls.append("folder"))
    mine = chain(tmp_path)
    mine.append([{"kind": "instance"}], NOON)
    calls.clear()

    mine.append([{"kind": "instance"}] * 100, NOON)
    assert calls == ["fsync"]
    mine.append([{"kind": "instance"}], NOON + DAY)
    assert calls == ["fsync", "fsync", "folder"]


def test_records_of_every_epoch_of_the_key_are_believed_and_another_sites_are_not(tmp_path: Path) -> None:
    chain(tmp_path).append([{"kind": "instance"}], NOON)
    later = KeyFile(id=KEYS.id, epoch=2, secret=KEYS.secret)
    chain(tmp_path, later).append([{"kind": "instance"}], NOON)

    assert verify(tmp_path, "lung", Trusted.of_site(later)).faults == []
    assert [fault.code for fault in judged(tmp_path).faults] == ["signature"]
    public = [Signer(KEYS).public, Signer(later).public]
    assert verify(tmp_path, "lung", Trusted.of_hex(public)).faults == []
    with pytest.raises(PublicKeyError):
        Trusted.of_hex(["abc"])


def test_a_head_that_names_the_right_key_but_is_signed_by_none_is_not_believed(tmp_path: Path) -> None:
    [file] = written(tmp_path, batches=1)
    lines = file.read_bytes().splitlines()
    head = record_of(lines[-1])
    assert head is not None
    lines[-1] = lines[-1].replace(head["signature"].encode(), Signer(OTHERS).sign(head)["signature"].encode())
    file.write_bytes(b"".join(line + b"\n" for line in lines))

    assert codes(tmp_path) == ["signature"]


def test_verifying_looks_at_no_batch_that_is_being_written(tmp_path: Path) -> None:
    written(tmp_path, batches=1)
    taken = []
    with locked(tmp_path / "lung", fcntl.LOCK_SH):
        taken = codes(tmp_path)  # two that only read do not wait for each other
    assert taken == []


def altered_end(file: Path, change: Callable[[bytes], bytes]) -> None:
    """Somebody changes the last head, and whoever writes next sets aside what it no longer vouches for."""
    lines = file.read_bytes().splitlines()
    lines[-1] = change(lines[-1])
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    chain(file.parents[1]).append([{"kind": "instance", "what": "after"}], NOON)


ALTERED_HEADS: dict[str, Callable[[bytes], bytes]] = {
    "it is no JSON": lambda head: b"x" + head,
    "it is of another kind": lambda head: head.replace(b'"kind":"head"', b'"kind":"hexd"'),
    "it is empty": lambda head: b"",
    "it is a list": lambda head: b"[1]",
    "it lost its signature and its kind": lambda head: b'{"at":"2023-11-14T22:13:20.000Z","kind":"x","n":8,"prev":"0"}',
}


@pytest.mark.parametrize("change", ALTERED_HEADS.values(), ids=ALTERED_HEADS)
def test_a_last_head_that_was_altered_is_an_alarm_also_after_it_was_set_aside(
    tmp_path: Path, change: Callable[[bytes], bytes]
) -> None:
    [file] = written(tmp_path, batches=2)

    altered_end(file, change)

    found = judged(tmp_path)
    assert [fault.code for fault in found.faults] == ["altered"]
    assert found.faults[0].where == found.cut[0]


def test_a_record_before_the_last_head_that_was_altered_with_it_is_an_alarm(tmp_path: Path) -> None:
    [file] = written(tmp_path, batches=2)
    lines = file.read_bytes().splitlines()
    lines[-3] = lines[-3].replace(b'"what":4', b'"what":9')
    file.write_bytes(b"".join(line + b"\n" for line in lines[:-1]))

    chain(tmp_path).append([{"kind": "instance"}], NOON)

    assert codes(tmp_path) == ["altered"]


@pytest.mark.parametrize("lost", [1, 2, 50])
def test_crashes_at_the_same_place_leave_a_file_each_and_no_alarm(tmp_path: Path, lost: int) -> None:
    [file] = written(tmp_path, batches=2)
    whole = file.read_bytes()
    for _ in range(3):
        chain(tmp_path).append([{"kind": "instance"}], NOON)
        file.write_bytes(whole[:-lost])
    chain(tmp_path).append([{"kind": "instance"}], NOON)

    found = judged(tmp_path)
    assert (found.faults, len(found.cut)) == ([], 3)


def test_blocks_that_a_power_cut_left_empty_are_no_alarm(tmp_path: Path) -> None:
    [file] = written(tmp_path, batches=2)
    whole = file.read_bytes()
    file.write_bytes(whole[:-400] + bytes(400))

    chain(tmp_path).append([{"kind": "instance"}], NOON)

    assert codes(tmp_path) == []


def test_a_chain_that_is_not_there_is_empty_and_is_not_made(tmp_path: Path) -> None:
    found = judged(tmp_path)
    assert (found.n, found.faults) == (0, [])
    assert list(tmp_path.iterdir()) == []
