"""A worker process: treats one shipment at a time and writes its package. It ends when its parent does.

Started as `python -m processors.delivery.worker FD`. Jobs come as JSON lines on standard input, answers go as JSON
lines to the descriptor FD; standard output and error are the trusted zone's log. Workers never write a database.
"""

import errno
import faulthandler
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache
from io import RawIOBase
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final

from handoff.contract.canonical import canonical_json
from handoff.contract.shipment import MANIFEST_MEMBER, Instance, Manifest, member_name
from processors.deid.burned_in.cleaner import pixel_cleaner
from processors.deid.engine import Engine, Treated, Withheld
from processors.deid.faces.seen import Seen, seen_in
from processors.deid.files import content
from processors.deid.keys import KeyFile
from processors.deid.profile import Profile
from processors.deid.pseudonyms import identity, pseudonymous_uid
from processors.deid.reasons import Reason
from processors.delivery.package import PackageWriter
from processors.delivery.quiet import code_of
from processors.delivery.study_facts import study_facts
from processors.quarantine.decided import decided
from processors.quarantine.decision import Decision

PROBE_SECONDS: Final = 300
"""How long one instance may take when it is suspected."""
LIFE_SECONDS: Final = 5.0
"""How often a worker says at most that it is at work."""
OTHER_MODALITY: Final = "OT"
"""For an instance whose Modality is no code string (PS3.3 C.7.3.1.1.1)."""

Json = dict[str, Any]


def engine_of(job: Json) -> Engine:
    """The engine of a job: of its project, its profile, and the rules for devices as they are now."""
    pixels = job.get("pixels", {})
    packages, rules = pixels.get("detector_packages"), pixels.get("device_rules")
    if packages and packages not in sys.path:
        sys.path.append(packages)  # last, so that nothing of ours is another version than tested
    written = Path(rules).stat().st_mtime_ns if rules else 0
    epoch = job["treatment"].get("key_epoch", "")
    joins = tuple((identity(*own), identity(*kept)) for own, kept in job.get("joins", ()))
    return engine(job["profile"], job["project"], job["key_file"], rules, written, epoch, joins)


@lru_cache(maxsize=8)
def engine(  # noqa: PLR0917
    profile: str,
    project: str,
    key_file: str,
    device_rules: str | None = None,
    _written: int = 0,
    key_epoch: str = "",
    joins: tuple[tuple[bytes, bytes], ...] = (),
) -> Engine:
    """The engine of a project, compiled once a process, and again when the rules for devices were written.

    Its key epoch is the one that the treatment was pinned in, also when the project has begun another since.
    """
    loaded = Profile.load(profile)
    loaded.require_for_packages()
    cleaner = pixel_cleaner(loaded, Path(device_rules) if device_rules else None)
    keys = KeyFile.load(Path(key_file)).project(project, key_epoch)
    return Engine(loaded, replace(keys, joins=joins), cleaner)


def work(job: Json, treat: Engine, alive: Callable[[], None] = lambda: None) -> Json:
    """Treat the instances of a shipment in the order of their new UIDs, which tells nothing of the order of reception.

    Returns the digest and size of the package (empty when every instance was withheld), the fate of each instance, the
    UIDs and the facts of the study to remember, and the treatment as it was really done. Calls `alive` after each
    instance: to look for text in a series may take longer than any silence that is waited for.
    """
    writer = PackageWriter(Path(job["part"]))
    fates: list[tuple[str, str | None]] = []
    passed: dict[str, Treated] = {}
    revisions: dict[str, int] = {}
    looked: dict[str, Json] = {}
    stack = ExitStack()
    try:
        faces = _faces(job, stack, alive) if treat.profile.clean.visual_features else {}
        for item in sorted(job["instances"], key=lambda item: pseudonymous_uid(treat.keys, item["uid"])):
            outcome = _treat_or_give_up(job, item, treat, faces)
            alive()
            reason = _refusal(outcome, writer, passed)
            fates.append((item["file"], reason))
            if isinstance(outcome, Treated) and reason is None:
                writer.add(member_name(outcome.sop_instance_uid), outcome.chunks)
                passed[outcome.sop_instance_uid] = replace(outcome, chunks=[])
                looked[item["file"]] = _audited(outcome)
                revisions[outcome.sop_instance_uid] = item["revision"]
        treatment = {**job["treatment"], **treat.facts}
        answer: Json = {"fates": fates, "uids": _uids(passed.values()), "treatment": treatment, "sha256": "", "size": 0}
        answer["looked"] = looked
        if passed:
            withheld = Counter(reason for _, reason in fates if reason)
            manifest = _manifest(job, list(passed.values()), revisions, withheld, treatment)
            writer.add(MANIFEST_MEMBER, [canonical_json(manifest)])
            answer["sha256"], answer["size"] = writer.finish()
            first = next(file for file, reason in fates if reason is None)
            answer["study"] = study_facts(Path(job["folder"]) / first)
        else:
            writer.discard()
    except BaseException:
        writer.discard()
        raise
    finally:
        stack.close()
    return answer


def _faces(job: Json, stack: ExitStack, alive: Callable[[], None]) -> dict[Path, Seen]:
    """What the step for faces says of a shipment, which is one series; what is withheld already leaves a gap in it.

    What it writes lies beside the package as long as the stack, and what a worker that was killed left goes first.
    """
    folder = Path(job["folder"])
    files = [folder / item["file"] for item in job["instances"] if not item.get("reason")]
    return stack.enter_context(seen_in(Path(job["part"]).with_name(f".{job['shipment']}.faces"), files, alive))


def probe(job: Json, treat: Engine, alive: Callable[[], None] = lambda: None) -> Json:
    """Find the instances that kill whoever treats them, each alone in a process of its own that starts as a copy of us.

    Returns the names of their files.
    """
    crashed = []
    for item in job["instances"]:
        if _dies(Path(job["folder"]) / item["file"], item, treat):
            crashed.append(item["file"])
        alive()
    return {"crashed": crashed}


def _dies(path: Path, item: Json, treat: Engine) -> bool:
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(PROBE_SECONDS)
            _treat(Seen(path), item, treat)
        finally:
            os._exit(0)  # what raises without dying is for the whole job to say
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) < 0


def _treat_or_give_up(job: Json, item: Json, treat: Engine, faces: Mapping[Path, Seen]) -> Treated | Withheld:
    """Treat an instance; one whose file is gone or damaged is withheld once the parent has seen that it stays so."""
    try:
        file = Path(job["folder"]) / item["file"]
        return _treat(faces.get(file, Seen(file)), item, treat)
    except OSError as error:
        if job["give_up_unreadable"] and error.errno in {errno.ENOENT, errno.EIO}:
            return Withheld(Reason.UNREADABLE.value)
        raise


def _treat(seen: Seen, item: Json, treat: Engine) -> Treated | Withheld:
    if item.get("reason"):
        return Withheld(item["reason"])
    read = content(seen.file)
    return treat.treat(read, seen.word)


def _refusal(outcome: Treated | Withheld, writer: PackageWriter, passed: dict[str, Treated]) -> str | None:
    """Why an instance does not go into this package: the engine's reason, or a conflict with the others."""
    if isinstance(outcome, Withheld):
        return str(outcome.reason)
    if not writer.fits(outcome.size):
        return "too-large"
    if outcome.sop_instance_uid in passed:
        return "uid-conflict"
    first = next(iter(passed.values()), outcome)
    mine = (outcome.patient_id, outcome.study_instance_uid, outcome.series_instance_uid)
    if mine != (first.patient_id, first.study_instance_uid, first.series_instance_uid):
        return "series-conflict"
    return None


def _audited(treated: Treated) -> Json:
    """What the audit record says of an instance that passed."""
    return {
        "out": treated.digest,
        "instance": treated.sop_instance_uid,
        "actions": treated.actions,
        "performed": treated.performed,
    }


def _uids(passed: Iterable[Treated]) -> list[tuple[str, str, str]]:
    rows = {(old, new, each.study_instance_uid) for each in passed for old, new in each.uid_map}
    return sorted(rows)


def _manifest(
    job: Json, passed: list[Treated], revisions: dict[str, int], withheld: Counter[str], treatment: dict[str, str]
) -> Manifest:
    first = passed[0]
    return Manifest(
        shipment_id=job["shipment"],
        project=job["project"],
        patient=first.patient_id,
        study_instance_uid=first.study_instance_uid,
        series_instance_uid=first.series_instance_uid,
        modality=first.modality if first.modality.isidentifier() else OTHER_MODALITY,
        instances=tuple(
            Instance(
                sop_instance_uid=each.sop_instance_uid,
                sop_class_uid=each.sop_class_uid,
                member=member_name(each.sop_instance_uid),
                digest=each.digest,
                size=each.size,
                revision=revisions[each.sop_instance_uid],
                references=each.references,
                annotation=each.is_annotation,
            )
            for each in passed
        ),
        withheld=dict(sorted(withheld.items())),
        treatment=treatment,
        replaces=job.get("replaces"),
    )


def _jobs() -> "SimpleQueue[bytes]":
    """Read jobs in a thread, so that the end of the parent ends this process even in the middle of its work."""
    queue: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:
            queue.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return queue


def _signs_of_life(answers: RawIOBase) -> Callable[[], None]:
    """What says, by a blank line and not too often, that work goes on."""
    last = time.monotonic()

    def alive() -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= LIFE_SECONDS:
            answers.write(b"\n")
            last = now

    return alive


def main() -> None:
    """Answer jobs until the parent is gone."""
    faulthandler.enable()
    jobs = _jobs()
    with os.fdopen(int(sys.argv[1]), "wb", buffering=0) as answers:
        alive = _signs_of_life(answers)
        while True:
            job = json.loads(jobs.get())
            try:
                treat = engine_of(job)
                if job.get("decision"):
                    treat = decided(treat, Decision.model_validate(job["decision"]))
                answer = (probe if job.get("probe") else work)(job, treat, alive)
            except Exception as error:  # noqa: BLE001  # the outermost loop; the cause goes into the workers' log
                traceback.print_exc()
                answer = {"error": code_of(error)}
            answers.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    main()
