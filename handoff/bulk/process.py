"""The process that reads large bodies: for each a few threads, less urgent than any of the service.

It holds what it is given and nothing else: three descriptors for each body (the sender's socket, the file, and the
socket of the errand), and no secret, no database and no place of its own. It ends with the service, however that ends;
until then it ignores signals, for those that end a whole group of processes come to it too, and bodies on their way may
still arrive.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import traceback

from handoff.bulk.errand import BrokenOffError, Errand, Outcome, answer, asked
from handoff.bulk.pace import Pace
from handoff.bulk.reading import Reading, Rest, SenderGoneError
from handoff.errors import SlowError, StoppingError
from handoff.shipments.stream import MemberStream
from handoff.store.part import Part

DESCRIPTORS = 3
_NICE = 10
"""Where cores are few answers go before bulk data."""


def main() -> None:
    """Read bodies until standard input, a socket of the service, closes."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    control = socket.socket(fileno=sys.stdin.fileno())
    while True:
        message, given, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
        if not message:
            os._exit(0)  # and all threads with us: nobody wants to know any more
        try:
            if len(given) == DESCRIPTORS:
                threading.Thread(target=_serve, args=given, name="body", daemon=True).start()
                continue
        except RuntimeError:  # no thread could begin
            traceback.print_exc()
        for descriptor in given:
            os.close(descriptor)  # without an answer, which says enough


def _serve(sender: int, file: int, errand: int) -> None:
    """Read one body."""
    with (
        socket.socket(fileno=sender) as connection,
        open(file, "wb", buffering=0) as part,
        socket.socket(fileno=errand) as channel,
        channel.makefile("rb", buffering=0) as stream,
        contextlib.suppress(BrokenOffError, ConnectionError),  # the service is gone, or gave up
    ):
        what, came = asked(stream)
        watch = None if what.most_members is None else MemberStream(what.most_members)
        outcome = _read(what, Rest(came, what.left, connection), Part(part), watch, channel)
        answer(channel, outcome, watch.seen if watch is not None and outcome.end == "whole" else {})


def _read(what: Errand, rest: Rest, body: Part, watch: MemberStream | None, channel: socket.socket) -> Outcome:
    """Read it to its end, or say why not."""
    over = threading.Event()
    reading = Reading(rest, Pace(what), over.is_set)
    threading.Thread(target=_listen, args=(channel, reading.given_up, over), name="errand", daemon=True).start()
    body.go_past_cache()
    steps = [body.store, body.hash]
    steps += [watch.feed] if watch is not None else []
    try:
        reading.pass_on(b"", steps)
    except SenderGoneError:
        return Outcome("gone", reading.read)
    except SlowError:
        return Outcome("slow", reading.read)
    except StoppingError:
        return Outcome("stopping", reading.read)
    except OSError as error:
        return Outcome("disk", reading.read, number=error.errno or 0)
    except Exception as error:  # noqa: BLE001 - the outermost place of a body; the service raises it again
        traceback.print_exc()
        return Outcome("failed", reading.read, cause=type(error).__name__)
    finally:
        with contextlib.suppress(OSError):
            channel.shutdown(socket.SHUT_RD)  # and nobody listens any more
    return Outcome("whole", reading.read, body.size, body.sha256)


def _listen(channel: socket.socket, given_up: threading.Event, over: threading.Event) -> None:
    """Hear what the service says while the body comes."""
    with contextlib.suppress(OSError):
        while channel.recv(1):
            over.set()
    given_up.set()


if __name__ == "__main__":
    main()
