"""The demo from the first process to the verdict."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from handoff.client import HandoffClient, ProblemError
from handoff.handoffs.states import State
from handoff.schemas.handoffs import HandoffView
from nifi.nar import Nar
from processors.deid.keys import KeyFile, ProjectKeys
from processors.deid.pseudonyms import pseudonymous_uid
from processors.ledger import handoff_list
from processors.ledger.reconcile import reconcile
from processors.ledger.schema import connect_readonly
from sluice.demo.counts import count, disagreements
from sluice.demo.learn import Learning, segmentations
from sluice.demo.material import Material, make_material
from sluice.demo.montage import best_slice, draw
from sluice.demo.narrate import Narrator
from sluice.demo.orthanc import Orthanc
from sluice.demo.pacs import look_back, start_pacs, wait_for_return
from sluice.demo.parts import (
    Services,
    deploy_flows,
    get_programs,
    push_all,
    start_services,
    wait_for_receipts,
    wait_for_studies,
)
from sluice.demo.people import identifying_values
from sluice.demo.processes import Crew
from sluice.demo.registry import get_registry
from sluice.demo.report import Report
from sluice.demo.run_home import PROJECT, RunHome
from sluice.demo.score import find_answers, score
from sluice.demo.studies import Study
from sluice.demo.sweep import sweep
from sluice.tracing.join import trace_line


def play(
    run: RunHome,
    crew: Crew,
    narrator: Narrator,
    own: Sequence[Path] = (),
    *,
    with_pacs: bool = False,
    registry: bool | None = False,
) -> Report:
    """Play the whole demo.

    Args:
        run: a fresh home.
        crew: keeps the processes that are started here.
        narrator: tells what happens.
        own: the user's files, to be inferred on in place of the phantom's unseen patients.
        with_pacs: whether results go back into a PACS.
        registry: whether the release goes by a NiFi Registry; None where that can be had.

    Raises:
        DemoError: a part failed, or nothing moved any more.
    """
    show = _Show(run, crew, narrator, Report(run.root, seconds=narrator.seconds))
    with narrator.stage(
        "install", "Look for Apache NiFi and the processors' NAR in the cache; the first time, get them"
    ):
        nar, with_registry = get_programs(narrator), get_registry(narrator, wanted=registry)
    services = show.start(with_registry=with_registry)
    with narrator.stage("phantom", "Write the phantom: CT studies, annotations, headers full of names"):
        material = make_material(run.modality, own)
    pacs = show.start_pacs(material.unseen) if with_pacs else None
    show.send(material, services, nar, with_registry=with_registry)
    inferred = show.learn(material.studies, services)
    if inferred:
        show.give_back(inferred, pacs, material.unseen)
    if show.report.segmentations and material.unseen:
        with narrator.stage("judge", "Compare with the truth that was never sent"):
            _judge(show.report, run, material.unseen)
    with narrator.stage("sweep", "Search NiFi's and the handoff's files for every identifying value"):
        show.report.sweep = sweep([run.nifi, run.research], identifying_values())
    return show.report


@dataclass(frozen=True, slots=True)
class _Show:
    """The acts of the demo, and what each adds to the report."""

    run: RunHome
    crew: Crew
    narrator: Narrator
    report: Report

    def start(self, *, with_registry: bool) -> Services:
        """Start what takes and what works."""
        with self.narrator.stage(
            "start", "Start the handoff and the receiver; Apache NiFi goes on starting behind them"
        ):
            services = start_services(self.run, self.crew, with_registry=with_registry)
            receiver = f"SLUICE@127.0.0.1:{services.receiver_port}"
            self.report.urls = {"handoff": services.handoff_url, "receiver": receiver}
        return services

    def start_pacs(self, unseen: Sequence[Study]) -> Orthanc:
        """Start a PACS that knows who will be inferred."""
        with self.narrator.stage(
            "pacs", "Start Orthanc as the hospital's PACS; it has the originals of who will be inferred"
        ):
            pacs = start_pacs(self.run, self.crew)
            pacs.add(file for study in unseen for file in study.files)
            self.report.urls["pacs"] = f"http://127.0.0.1:{pacs.http_port}/app/explorer.html"
        return pacs

    def send(self, material: Material, services: Services, nar: Nar, *, with_registry: bool) -> None:
        """Push all of it, and wait until the other zone has signed for it."""
        run, narrator = self.run, self.narrator
        with narrator.stage("push", "Push over DICOM: a separate sender, one association per study"):
            self.report.push = push_all(material, run, services, self.crew, narrator)
        with narrator.stage("nifi", "Apache NiFi comes up; deploy processors, parameters and flows"):
            urls, self.report.published = deploy_flows(run, services, nar, narrator, with_registry=with_registry)
            self.report.urls |= urls
        with narrator.stage("deliver", "NiFi takes every delivery to de-identification and to a signed receipt"):
            wait_for_receipts(run, self.crew, narrator)

    def learn(self, studies: Sequence[Study], services: Services) -> HandoffView | None:
        """Count, then train and infer; the inference if it succeeded."""
        with HandoffClient.of_home(services.handoff_url, self.run.root) as client:
            with self.narrator.stage(
                "count", "Ask all witnesses: the sender's log, landing, ledger, receipts, the handoff"
            ):
                _count(self.report, self.run, services, client)
            learning = Learning(client, self._go_on, self.report.batches, self.report.runs)
            with self.narrator.stage("studies", "The handoff closes studies by the evidence of their associations"):
                wait_for_studies(client, _pseudonyms(self.run, studies), self.crew, self.narrator)
                learning.register_pipelines()
            try:
                return _learn(learning, self.narrator)
            except ProblemError as error:
                # What the user's folder holds may be nothing to infer on; the counts are worth showing all the same.
                self.report.gaps.append(f"the handoff refused: {error}. {error.remedy}")
                return None

    def give_back(self, inferred: HandoffView, pacs: Orthanc | None, unseen: Sequence[Study]) -> None:
        """Name the segmentations; where there is a PACS, wait until they are back in it."""
        self.report.segmentations = segmentations(inferred)
        if pacs is None:
            return
        with self.narrator.stage(
            "return", "NiFi fetches the segmentations, puts them back on their patients, and sends them"
        ):
            made = len(self.report.segmentations)
            rows = wait_for_return(self.run, inferred.id, made, self.crew, self.narrator)
            self.report.returned = look_back(pacs, rows, made, unseen)

    def _go_on(self, text: str) -> None:
        self.crew.check()
        self.narrator.progress(text)


def _count(report: Report, run: RunHome, services: Services, client: HandoffClient) -> None:
    """Count by the sender's log and the ledger; then have every other witness say whether it agrees."""
    assert report.push is not None
    token = (run.research / "api-token").read_text("ascii").strip()
    looked = reconcile(run.site.landing, run.site.ledger, lambda: handoff_list.fetch(services.handoff_url, token))
    report.gaps = [f"{gap.kind} of {gap.subject}: {gap.detail}" for gap in looked.gaps]
    with closing(connect_readonly(run.site.ledger)) as ledger:
        report.counts = count(report.push, ledger)
        report.gaps += disagreements(report.counts, ledger, list(client.shipments(PROJECT)))


def _learn(learning: Learning, narrator: Narrator) -> HandoffView | None:
    """Train on what is annotated, infer on what is not; the inference if it succeeded."""
    with narrator.stage("train", "Annotated studies become a batch, volumes, and a model"):
        annotated = learning.batch("annotated")
        if not _succeeded(learning.run("prepare", annotated)):
            return None
        trained = learning.run("train", annotated)
    if not _succeeded(trained):
        return None
    with narrator.stage("infer", "Studies without annotation become a batch, volumes, and DICOM SEG"):
        others = learning.batch("unannotated")
        if not _succeeded(learning.run("prepare", others)):
            return None
        inferred = learning.run("infer", others, model=trained.made_model)
    return inferred if _succeeded(inferred) else None


def _succeeded(handoff: HandoffView) -> bool:
    return handoff.state is State.SUCCEEDED


def _judge(report: Report, run: RunHome, unseen: Sequence[Study]) -> None:
    """Score the answers, draw them, and trace one slice to the answer that it is part of."""
    from processors.vault.vault import Vault

    with Vault.open(run.site.vault, run.site.key_file) as vault:
        answers = find_answers(report.segmentations, unseen, lambda uid: vault.original_of(PROJECT, uid))
    report.score = score(unseen, answers)
    report.picture = draw(unseen, answers, report.score, run.root / "unseen-patients.png")
    study = unseen[0]
    instance = pseudonymous_uid(_keys(run), study.instance_uids[best_slice(study)])
    report.trace = trace_line(run.root, instance).line
    report.traced_to = [
        thing for thing in report.trace.of_kind("file") if (file := answers[study.seed].file) and file.name in thing.id
    ]


def _pseudonyms(run: RunHome, studies: Sequence[Study]) -> list[str]:
    keys = _keys(run)
    return [pseudonymous_uid(keys, study.study_uid) for study in studies]


def _keys(run: RunHome) -> ProjectKeys:
    return KeyFile.load(run.site.key_file).project(PROJECT)
