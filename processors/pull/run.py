"""A pull from its first question to its last count.

Algorithm:
    1. Ask the questions that have no answer yet; each answer is kept.
    2. For each study that is not done: what the ledger has of it already is not fetched again. `asked` is written
       before the peer hears of it, so that a pull that is killed knows where it was.
    3. A study is done when the ledger has as many instances as the peer counted, whatever the peer said of sending
       them. The receiver seals when its association ends or pauses, so the last ones are waited for.
"""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from processors.dicom.errors import PeerDownError, PeerError, PeerLostError
from processors.peers import Peer
from processors.pull.arrived import any_open, instances_of
from processors.pull.errors import FindFailedError
from processors.pull.fetched import Fetched
from processors.pull.get import MOST_CLASSES
from processors.pull.job import Job, JobStudy
from processors.pull.pace import Pace
from processors.pull.plan import Portion, portions, whole_study
from processors.pull.query import Query
from processors.pull.question import Question
from processors.pull.report import Report

SETTLE_SECONDS: Final = 30.0
"""How long instances that the peer has sent may take to be sealed; the receiver does so after 10 s of silence."""
_GRACE_SECONDS: Final = 2.0
"""In which an association that has just been opened, or has just ended, is entered."""
_LOOK_SECONDS: Final = 0.25
_PAUSES: Final = (1.0, 5.0, 15.0)
"""Before a peer that is down or fell silent is asked again; after the last one the pull ends."""
_ALL: Final = 1 << 30


class Fetch(Protocol):
    """C-MOVE or C-GET, bound to its peer."""

    def __call__(self, portion: Portion, heard: Callable[[Fetched], None], /) -> Fetched:
        """Fetch one portion."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a pull came to."""

    studies: int
    done: int
    failed: int
    expected: int
    here: int
    unanswered: tuple[int, ...]
    """Lines for which the peer has no study."""
    nothing_sent: bool = False
    """The peer refused every study without sending one object."""

    @property
    def complete(self) -> bool:
        """Everything came that was asked for."""
        return self.done == self.studies and not self.unanswered


@dataclass(frozen=True, slots=True)
class Pull:
    """One run of one job."""

    peer: Peer
    fetch: Fetch
    by_class: bool
    """Whether a request must name its SOP classes (C-GET)."""
    job: Job
    ledger: sqlite3.Connection
    pace: Pace
    report: Report
    settle_seconds: float = SETTLE_SECONDS

    def run(self) -> Summary:
        """Fetch what is not here yet.

        Raises:
            PeerError: the peer is down, refuses us, or fell silent again and again.
            PullError: see `processors.pull.errors`.
        """
        interrupted = [study for study in self.job.studies() if study.state in {"asked", "fetched"}]
        if interrupted:
            self._settle(interrupted)
        todo = [study for study in self.job.studies() if study.state != "done"]
        for study in todo:
            self._one(study, len(todo))
        self._settle(todo)
        for study in self._of_state("fetched", "asked"):
            self._judge(study)
        for study in self.job.studies():
            here = len(instances_of(self.ledger, study.study_uid))
            self.report.study(study, len(self.job.studies()), study.state, study.code or "", here)
        return self.summary()

    def summary(self) -> Summary:
        """Counts of all studies of the job."""
        studies = self.job.studies()
        failed = [study for study in studies if study.state == "failed"]
        return Summary(
            studies=len(studies),
            done=sum(study.state == "done" for study in studies),
            failed=len(failed),
            expected=sum(study.expected for study in studies),
            here=sum(len(instances_of(self.ledger, study.study_uid)) for study in studies),
            nothing_sent=bool(failed) and all(not study.completed + study.failed + study.warnings for study in failed),
            unanswered=tuple(number for number, found in self.job.answered().items() if number and not found),
        )

    def _one(self, study: JobStudy, of: int) -> None:
        """Fetch a study; a peer that is down or falls silent is asked again a few times, for what did not come."""
        if len(instances_of(self.ledger, study.study_uid)) >= study.expected:
            self.job.done(study)
            return
        self.pace.before_study()
        for pause in (*_PAUSES, None):
            self.job.asked(study)
            try:
                self.job.fetched(study, self._missing(study, of))
            except (PeerDownError, PeerLostError) as error:
                if pause is None:
                    raise
                self.report.say("peer-lost", f"{error} Asked again in {pause:g} s.", code=error.code)
                self.pace.sleep(pause)
                self._settle([study])
            else:
                return

    def _missing(self, study: JobStudy, of: int) -> Fetched:
        said = Fetched()
        for portion in self._portions(study):
            self.pace.before_request()
            before = said

            def heard(so_far: Fetched, before: Fetched = before) -> None:
                total = before + so_far
                self.job.progressed(study, total)
                self.report.progress(study, of, total.completed, total.failed)

            got = self.fetch(portion, heard)
            said += got
            if not self.by_class:  # C-GET is slowed down object by object
                self.pace.after_objects(got.completed + got.warnings)
        return said

    def _portions(self, study: JobStudy) -> Iterator[Portion]:
        have = instances_of(self.ledger, study.study_uid)
        most = _ALL if self.by_class else self.pace.portion or _ALL
        if not have and not self.by_class and study.expected <= most:
            return iter([whole_study(study.study_uid, study.expected)])
        with Query.open(self.peer) as query:
            there = query.instances(study.study_uid)
        return portions(study.study_uid, there, have, most=most, most_classes=MOST_CLASSES if self.by_class else _ALL)

    def _settle(self, studies: Sequence[JobStudy]) -> None:
        """Mark what has arrived, and wait for the rest while more may come."""
        numbers = {study.number for study in studies}
        began = time.monotonic()
        while True:
            waiting = [study for study in self._of_state("asked", "fetched") if study.number in numbers]
            missing = [study for study in waiting if not self._is_here(study)]
            if not missing or time.monotonic() > began + self.settle_seconds:
                return
            if time.monotonic() > began + _GRACE_SECONDS and not any_open(self.ledger):
                return
            time.sleep(_LOOK_SECONDS)

    def _is_here(self, study: JobStudy) -> bool:
        if len(instances_of(self.ledger, study.study_uid)) < study.expected:
            return False
        self.job.done(study)
        return True

    def _judge(self, study: JobStudy) -> None:
        """What was asked for did not all come: name what is missing here, whatever the peer says that it sent."""
        have = instances_of(self.ledger, study.study_uid)
        try:
            with Query.open(self.peer) as query:
                there = [one.sop_instance_uid for one in query.instances(study.study_uid)]
        except (PeerError, FindFailedError):
            there = []
        code = study.code or ("sub-operations-failed" if study.failed else "not-arrived")
        self.job.failed(study, code, [uid for uid in there if uid not in have])

    def _of_state(self, *states: str) -> list[JobStudy]:
        return [study for study in self.job.studies() if study.state in states]


def ask(peer: Peer, questions: Sequence[Question], job: Job) -> None:
    """Ask what has no answer yet, over one association.

    Raises:
        PeerError: there is none, or it ended.
        FindFailedError: the peer answers with a failure.
    """
    answered = job.answered()
    open_ = [question for question in questions if question.number not in answered]
    if not open_:
        return
    with Query.open(peer) as query:
        for question in open_:
            job.answer(question.number, query.studies(question))
