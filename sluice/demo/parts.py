"""Start the demo's parts, push through them, and wait until every instance has ended somewhere."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from handoff.client import HandoffClient
from nifi.nar import Nar
from processors.ledger.schema import connect_readonly
from sluice.demo.errors import StandstillError
from sluice.demo.material import Material
from sluice.demo.narrate import Narrator
from sluice.demo.processes import Crew, Part, sluice_command
from sluice.demo.registry import Published, publish_release
from sluice.demo.run_home import CALLED_AE, PROJECT, RunHome
from sluice.demo.send import push
from sluice.demo.sent import Push, Route, together
from sluice.demo.settle import STANDSTILL_SECONDS, Standing, settle
from sluice.tracing.research import URL_FILE

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Services:
    """What runs, and how to reach it."""

    nifi: Part
    receiver_port: int
    handoff_url: str
    receipt_public_key: str


def get_programs(narrator: Narrator) -> Nar:
    """Have Apache NiFi and the processors' NAR in the cache; the first time this downloads and builds."""
    from nifi import nar
    from nifi.distribution.assemble import install

    def report(what: str, done: int = 0, total: int = 0) -> None:
        narrator.progress(f"{what}: {done / 1e6:.0f} of {total / 1e6:.0f} MB" if total else what)

    install(report)
    return nar.build(report=report)


def start_services(run: RunHome, crew: Crew, *, with_registry: bool = False) -> Services:
    """Start everything at once; NiFi takes longest, and a modality need not wait for it."""
    home = ("--home", str(run.root))
    beside = ("--registry",) if with_registry else ()
    nifi = crew.start("nifi", sluice_command("nifi", "up", *home, *beside), ends=True)
    handoff = crew.start("handoff", sluice_command("handoff", "serve", *home, "--host", LOOPBACK, "--port", "0"))
    receiver = crew.start(
        "receiver", sluice_command("receive", *home, "--host", LOOPBACK, "--port", "0", "--ae-title", CALLED_AE)
    )
    listening, receiving = handoff.ready(), receiver.ready()
    url = f"http://{listening['host']}:{listening['port']}"
    (run.research / URL_FILE).write_text(f"{url}\n", "ascii")
    return Services(nifi, receiving["port"], url, listening["receipt_public_key"])


def deploy_flows(
    run: RunHome, services: Services, nar: Nar, narrator: Narrator, *, with_registry: bool = False
) -> tuple[dict[str, str], Published | None]:
    """Wait for NiFi, and deploy the flows with this run's parameters: the files, or what was published of them.

    Returns the addresses of the canvas and the Registry's pages, and what the Registry has.
    """
    from nifi.distribution.launch import find
    from nifi.releases.deploy import deploy
    from nifi.releases.origin import read_origin

    services.nifi.finish(narrator.progress)
    running = find(run.root)
    assert running is not None
    parameters = {
        "trusted.home": str(run.trusted),
        "handoff.url": services.handoff_url,
        "handoff.token": (run.research / "token").read_text().strip(),
        "receipt.public.key": services.receipt_public_key,
    }
    published, release = None, None
    if with_registry:
        published, registry_url = publish_release(run, nar, narrator)
        release = read_origin(f"registry:{published.version}", registry_url)
    deploy(running.url, parameters, nar, release=release, report=lambda what, *_: narrator.progress(what))
    urls = {"nifi": running.canvas}
    return urls | ({"registry": published.pages} if published else {}), published


def push_all(material: Material, run: RunHome, services: Services, crew: Crew, narrator: Narrator) -> Push:
    """Send every modality's files, one association each."""
    pushes = []
    for errand in material.errands():
        route = Route(LOOPBACK, services.receiver_port, errand.calling_ae, CALLED_AE)
        pushes.append(push(errand.files, route, run.modality / "logs", run=crew.run))
        sent = together(pushes)
        narrator.progress(f"{errand.title}: {sent.sent} instances sent, {sent.count('acknowledged')} acknowledged")
        crew.check()
    return together(pushes)


def wait_for_receipts(run: RunHome, crew: Crew, narrator: Narrator) -> Standing:
    """Wait until the ledger knows where every instance ended."""

    def on_look(standing: Standing) -> None:
        crew.check()
        narrator.progress(str(standing))

    with closing(connect_readonly(run.site.ledger)) as ledger:
        return settle(ledger, on_look)


def wait_for_studies(client: HandoffClient, wanted: Sequence[str], crew: Crew, narrator: Narrator) -> None:
    """Wait until the handoff calls these studies complete.

    Raises:
        StandstillError: one stays open.
    """
    deadline = time.monotonic() + STANDSTILL_SECONDS
    while True:
        studies = list(client.studies(PROJECT))
        complete = {study.study for study in studies if study.state == "complete"}
        if complete >= set(wanted):
            return
        crew.check()
        narrator.progress(f"{len(complete)} of {len(studies)} studies complete")
        if time.monotonic() > deadline:
            reasons = {study.waiting_for for study in studies if study.study in set(wanted) - complete}
            message = f"Studies stay open, waiting for {', '.join(sorted(map(str, reasons)))}."
            raise StandstillError(message)
        time.sleep(0.3)
