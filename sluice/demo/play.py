"""The demo from the first process to the verdict."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from handoff.client import HandoffClient, ProblemError
from handoff.handoffs.states import State
from handoff.schemas.handoffs import HandoffView
from processors.deid.keys import KeyFile, ProjectKeys
from processors.deid.pseudonyms import pseudonymous_uid
from processors.ledger import handoff_list
from processors.ledger.reconcile import reconcile
from processors.ledger.schema import connect_readonly
from sluice.demo.counts import count, disagreements
from sluice.demo.learn import Learning, segmentations
from sluice.demo.material import make_material
from sluice.demo.montage import best_slice, draw
from sluice.demo.narrate import Narrator
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
    report = Report(run.root, seconds=narrator.seconds)
    with narrator.stage(
        "install", "Look for Apache NiFi and the processors' NAR in the cache; the first time, get them"
    ):
        nar, with_registry = get_programs(narrator), get_registry(narrator, wanted=registry)
    with narrator.stage("start", "Start the handoff and the receiver; Apache NiFi goes on starting behind them"):
        services = start_services(run, crew, with_registry=with_registry)
        report.urls = {"handoff": services.handoff_url, "receiver": f"SLUICE@127.0.0.1:{services.receiver_port}"}
    with narrator.stage("phantom", "Write the phantom: CT studies, annotations, headers full of names"):
        material = make_material(run.modality, own)
    pacs = None
    if with_pacs:
        with narrator.stage(
            "pacs", "Start Orthanc as the hospital's PACS; it has the originals of who will be inferred"
        ):
            pacs = start_pacs(run, crew)
            pacs.add(file for study in material.unseen for file in study.files)
            report.urls["pacs"] = f"http://127.0.0.1:{pacs.http_port}/app/explorer.html"
    with narrator.stage("push", "Push over DICOM: a separate sender, one association per study"):
        report.push = push_all(material, run, services, crew, narrator)
    with narrator.stage("nifi", "Apache NiFi comes up; deploy processors, parameters and flows"):
        urls, report.published = deploy_flows(run, services, nar, narrator, with_registry=with_registry)
        report.urls |= urls
    with narrator.stage("deliver", "NiFi takes every delivery to de-identification and to a signed receipt"):
        wait_for_receipts(run, crew, narrator)
    with HandoffClient.of_home(services.handoff_url, run.root) as client:
        with narrator.stage("count", "Ask all witnesses: the sender's log, landing, ledger, receipts, the handoff"):
            _count(report, run, services, client)

        def on_wait(text: str) -> None:
            crew.check()
            narrator.progress(text)

        learning = Learning(client, on_wait, report.batches, report.runs)
        with narrator.stage("studies", "The handoff closes studies by the evidence of their associations"):
            wait_for_studies(client, _pseudonyms(run, material.studies), crew, narrator)
            learning.register_pipelines()
        try:
            inferred = _learn(learning, narrator)
        except ProblemError as error:
            # What the user's folder holds may be nothing to infer on; the counts are worth showing all the same.
            inferred = None
            report.gaps.append(f"the handoff refused: {error}. {error.remedy}")
    if inferred:
        report.segmentations = segmentations(inferred)
    if inferred and pacs is not None:
        with narrator.stage(
            "return", "NiFi fetches the segmentations, puts them back on their patients, and sends them"
        ):
            made = len(report.segmentations)
            rows = wait_for_return(run, inferred.id, made, crew, narrator)
            report.returned = look_back(pacs, rows, made, material.unseen)
    if report.segmentations and material.unseen:
        with narrator.stage("judge", "Compare with the truth that was never sent"):
            _judge(report, run, material.unseen)
    with narrator.stage("sweep", "Search NiFi's and the handoff's files for every identifying value"):
        report.sweep = sweep([run.nifi, run.research], identifying_values())
    return report


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
