"""The doors between NiFi and the trusted zone. Nothing raises through a door, and nothing but codes goes out.

An exception that left a shell would roll the FlowFile back for ever, and NiFi would copy its message into a log.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from processors.delivery.flowfile import FlowFile, Outcome, Reference, because
from processors.delivery.parent import end_with_parent
from processors.delivery.quiet import code_of, confide, silence
from processors.errors import ProcessorsError

if TYPE_CHECKING:
    from processors.delivery.announce import Announcer
    from processors.delivery.embedded import EmbeddedReceiver, Log
    from processors.delivery.receiver_properties import Value
    from processors.delivery.workplace import Workplace

PAUSE_SECONDS = 1.0
"""How long a listener that cannot listen waits, so that NiFi's endless asking costs nothing."""


def route(home: str, release: str, flowfile: FlowFile) -> Outcome:
    """Decide the shipments of a delivery, or translate evidence; see `processors.delivery.route`."""
    from processors.delivery.route import route as work

    return _through(home, flowfile, lambda place, reference: work(place, reference, release))


def deidentify(home: str, workers: str, flowfile: FlowFile) -> Outcome:
    """Make the package of a shipment; see `processors.delivery.treat`."""
    from processors.delivery.treat import treat as work
    from processors.delivery.workers import pool_of

    return _through(home, flowfile, lambda place, reference: work(place, reference, pool_of(place, int(workers))))


def confirm(home: str, public_key: str, flowfile: FlowFile) -> Outcome:
    """Judge the handoff's answer; see `processors.delivery.confirm`."""
    from processors.delivery.confirm import Answer
    from processors.delivery.confirm import confirm as work

    return _through(home, flowfile, lambda place, reference: work(place, reference, Answer.of(flowfile), public_key))


def reidentify(home: str, inbox: str, flowfile: FlowFile) -> Outcome:
    """Make what goes back of an object of a result; see `processors.results.station`."""
    from processors.results.station import reidentify as work

    return _through(home, flowfile, lambda place, reference: work(place, reference, Path(inbox)))


def send(home: str, flowfile: FlowFile) -> Outcome:
    """Store an object at the peer that it is for; see `processors.results.send`."""
    from processors.results.send import send as work

    return _through(home, flowfile, work)


def _through(home: str, flowfile: FlowFile, work: "Callable[[Workplace, Reference], Outcome]") -> Outcome:
    silence()
    end_with_parent()
    place = reference = None
    try:
        from processors.delivery.workplace import workplace

        place = workplace(home)
        reference = Reference.of(flowfile)
        return work(place, reference)
    except Exception as error:  # noqa: BLE001  # the outermost loop of a NiFi task: whatever happens leaves as a code
        return because("failure", _failed(place, reference, error))


def _failed(place: "Workplace | None", reference: Reference | None, error: Exception) -> str:
    """Keep the cause in the trusted zone, and have the delivery announced again later."""
    code = code_of(error)
    if place is not None:
        confide(place.site.workers_log, error)
    if place is not None and reference is not None:
        from processors.ledger import announcements

        try:
            announcements.try_again(place.ledger, reference.kind, reference.id, reference.n, code, place.clock())
        except Exception as second:  # noqa: BLE001  # the lease announces it again all the same
            confide(place.site.workers_log, second)
    return code


class Listener:
    """An announcer that never raises: whoever cannot listen waits, keeps the cause in the trusted zone, tries again."""

    def __init__(self, home: str) -> None:
        self._home = home
        self._announcer: Announcer | None = None
        self._lock = threading.Lock()

    def next(self) -> dict[str, str] | None:
        """Attributes of the next FlowFile, or None when there was none for a second."""
        silence()
        with self._lock:
            try:
                if self._announcer is None:
                    self._announcer = _announcer(self._home)
                found = self._announcer.next()
            except Exception as error:  # noqa: BLE001  # as for every door
                _confide_at(self._home, error)
                self.forget()
                time.sleep(PAUSE_SECONDS)
                return None
        return found.attributes() if found else None

    def forget(self) -> None:
        """Let go of the landing."""
        announcer, self._announcer = self._announcer, None
        if announcer is not None:
            announcer.close()

    def close(self) -> None:
        """Let go of the landing once nobody listens."""
        with self._lock:
            self.forget()


_listeners: dict[str, Listener] = {}


def listener(home: str) -> Listener:
    """The listener of a trusted home, one a process."""
    end_with_parent()
    return _listeners.setdefault(home, Listener(home))


_receivers: "dict[str, EmbeddedReceiver]" = {}
_receivers_lock = threading.Lock()


def receive(home: str, value: "Value", board: "Log") -> None:
    """Have the embedded receiver run as the properties say, one for each home; an attached one is none of ours."""
    silence()
    end_with_parent()
    try:
        from processors.delivery.embedded import EmbeddedReceiver
        from processors.delivery.receiver_properties import receiving
        from processors.site import Site

        what = receiving(Path(home), value)
        stop_receiving(home)
        if what is not None:
            with _receivers_lock:
                site = Site.load(Path(home))
                grace = site.limits.stop_grace
                _receivers[str(Path(home))] = EmbeddedReceiver(what, site.workers_log, board, stop_grace=grace)
    except Exception as error:  # noqa: BLE001  # as for every door
        _confide_at(home, error)
        board.error(f"The receiver cannot be started: {code_of(error)}.")


def stop_receiving(home: str) -> None:
    """End the embedded receiver of a home, if there is one; what it has open is sealed first."""
    with _receivers_lock:
        receiver = _receivers.pop(str(Path(home)), None)
    if receiver is not None:
        receiver.stop()


def _why_not_receive(home: Path, value: "Value") -> str | None:
    """Who receives into the landing already, if we are to."""
    from processors.delivery.receiver_properties import receiving
    from processors.landing.layout import Layout
    from processors.landing.lock import holder
    from processors.site import Site

    if receiving(home, value) is None:
        return None
    found = holder(Layout(Site.load(home).landing).receiver_lock)
    with _receivers_lock:
        ours = _receivers.get(str(home))
    if found is None or (ours is not None and found.startswith(f"process {ours.pid} ")):
        return None
    return f"the landing is being filled by {found}: set Receiver to attached, or stop that process"


def why_not_listen(home: str | None, value: "Value" = lambda _: None) -> str | None:
    """Why this process could not announce, or receive if it is to: a sentence for the canvas, or None.

    Without key and rules nothing is announced: it would only fail further on, where nobody looks.
    """
    silence()
    try:
        from processors.delivery.announce import holder_of

        _require_settings(Path(home or ""))
        holder = holder_of(Path(home or ""))
        unreceived = _why_not_receive(Path(home or ""), value)
    except ProcessorsError as error:  # about the site's own files; no delivery was looked at
        return f"{error} {error.remedy}"
    except Exception as error:  # noqa: BLE001  # as for every door
        return f"the trusted home cannot be used ({code_of(error)})"
    return f"the landing is being announced by {holder}" if holder else unreceived


def _require_settings(home: Path) -> None:
    from processors.deid.burned_in.cleaner import pixel_cleaner
    from processors.deid.keys import KeyFile
    from processors.deid.profile import Profile
    from processors.routing.rules import Rules
    from processors.site import Site
    from processors.vault.merges import Merges

    site = Site.load(home)
    KeyFile.load(site.key_file)
    Merges.read(site.merges)
    for name in Rules.load(site.rules).profiles:
        profile = Profile.load(name)
        profile.require_for_packages()
        pixel_cleaner(profile, site.pixels.device_rules)


def _announcer(home: str) -> "Announcer":
    from processors.delivery.announce import Announcer
    from processors.delivery.workplace import workplace

    return Announcer(workplace(home))


def _confide_at(home: str, error: Exception) -> None:
    from processors.site import Site

    try:
        confide(Site.load(Path(home)).workers_log, error)
    except Exception:  # noqa: BLE001  # no settings, so nowhere to write
        return
