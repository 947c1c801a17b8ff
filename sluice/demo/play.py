"""The demo from the first process to the verdict."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from handoff.client import HandoffClient
from handoff.handoffs.states import State
from handoff.schemas.handoffs import HandoffView
from processors.deid.keys import KeyFile
from processors.deid.pseudonyms import pseudonymous_uid
from processors.ledger.schema import connect_readonly
from sluice.demo.counts import count, disagreements
from sluice.demo.learn import Learning, segmentations
from sluice.demo.material import make_material
from sluice.demo.montage import draw
from sluice.demo.narrate import Narrator
from sluice.demo.parts import deploy_flows, push_all, start_services, wait_for_receipts, wait_for_studies
from sluice.demo.people import identifying_values
from sluice.demo.processes import Crew
from sluice.demo.report import Report
from sluice.demo.run_home import PROJECT, RunHome
from sluice.demo.score import find_masks, score
from sluice.demo.studies import Study
from sluice.demo.sweep import sweep


def play(run: RunHome, crew: Crew, narrator: Narrator, own: Path | None = None) -> Report:
    """Play the whole demo.

    Args:
        run: a fresh home.
        crew: keeps the processes that are started here.
        narrator: tells what happens.
        own: a folder of the user's files, to be inferred on in place of the phantom's unseen patients.

    Raises:
        DemoError: a part failed, or nothing moved any more.
    """
    report = Report(run.root, seconds=narrator.seconds)
    with narrator.stage("phantom", "Write the phantom: CT studies, annotations, headers full of names"):
        material = make_material(run.modality, own)
    with narrator.stage("start", "Start the handoff and the receiver; Apache NiFi starts behind them"):
        services = start_services(run, crew)
        report.urls = {"handoff": services.handoff_url, "receiver": f"SLUICE@127.0.0.1:{services.receiver_port}"}
    with narrator.stage("push", "Push over DICOM: a separate sender, one association per study"):
        report.push = push_all(material, run, services, crew, narrator)
    with narrator.stage("nifi", "Apache NiFi comes up; deploy processors, parameters and flows"):
        report.urls["nifi"] = deploy_flows(run, services, narrator)
    with narrator.stage("deliver", "NiFi takes every delivery to de-identification and to a signed receipt"):
        wait_for_receipts(run, crew, narrator)
    with HandoffClient.of_home(services.handoff_url, run.root) as client:
        _count(report, run, client)

        def on_wait(text: str) -> None:
            crew.check()
            narrator.progress(text)

        learning = Learning(client, on_wait, report.batches, report.runs)
        with narrator.stage("studies", "The handoff closes studies by the evidence of their associations"):
            wait_for_studies(client, _pseudonyms(run, material.studies), crew, narrator)
            learning.register_pipelines()
        inferred = _learn(learning, narrator)
    if inferred and material.unseen:
        with narrator.stage("judge", "Compare with the truth that was never sent"):
            _judge(report, run, material.unseen, segmentations(inferred))
    with narrator.stage("sweep", "Search NiFi's and the handoff's files for every identifying value"):
        report.sweep = sweep([run.nifi, run.research], identifying_values())
    return report


def _count(report: Report, run: RunHome, client: HandoffClient) -> None:
    """Three witnesses: the sender's log, the ledger, the handoff's list."""
    assert report.push is not None
    with closing(connect_readonly(run.site.ledger)) as ledger:
        report.counts = count(report.push, ledger)
        report.gaps = disagreements(report.counts, ledger, list(client.shipments(PROJECT)))


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


def _judge(report: Report, run: RunHome, unseen: Sequence[Study], files: Sequence[Path]) -> None:
    from processors.vault.vault import Vault

    with Vault.open(run.site.vault, run.site.key_file) as vault:
        masks = find_masks(files, unseen, lambda uid: vault.original_of(PROJECT, uid))
    report.score = score(unseen, masks)
    report.picture = draw(unseen, masks, report.score, run.root / "unseen-patients.png")


def _pseudonyms(run: RunHome, studies: Sequence[Study]) -> list[str]:
    keys = KeyFile.load(run.site.key_file).project(PROJECT)
    return [pseudonymous_uid(keys, study.study_uid) for study in studies]
