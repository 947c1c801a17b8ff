"""A port without TLS and one with it, as one engine: modalities that know TLS and such that do not, side by side."""

from processors.dicom.engine import Engine, Listener
from processors.dicom.fast.association import Timers
from processors.dicom.fast.engine import FastEngine
from processors.dicom.gate import Gate
from processors.dicom.pynetdicom_engine import PynetdicomEngine
from processors.dicom.tls import ServerTLS
from processors.limits import ReceiverLimits


def listen_on(
    engine: str,
    host: str,
    *,
    port: int | None,
    tls_port: int | None,
    ae_title: str,
    gate: Gate,
    limits: ReceiverLimits | None = None,
) -> "Ports":
    """The engine called `fast` or `reference`, on one port or two, with the gate's policy and TLS."""
    bounds = limits or ReceiverLimits()

    def on(number: int, tls: ServerTLS | None) -> Engine:
        if engine == "fast":
            return FastEngine(
                host,
                number,
                policy=gate.policy,
                timers=Timers.of(bounds),
                tls=tls,
                maximum_associations=bounds.associations,
            )
        return PynetdicomEngine(host, number, ae_title, gate.policy, tls, limits=bounds)

    plain = on(port, None) if port is not None else None
    return Ports(plain, on(tls_port, gate.tls) if tls_port is not None else None)


class Ports:
    """The plain engine, the one with TLS, or both."""

    def __init__(self, plain: Engine | None, encrypted: Engine | None) -> None:
        """At least one of them."""
        self._plain, self._encrypted = plain, encrypted
        self.listening: dict[str, object] = {}
        """What is said of the port with TLS, once started."""

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept associations; returns host and port without TLS if there is one, else those with it.

        Raises:
            ListenError: a port cannot be bound; neither listens.
        """
        where = self._plain.start(listener) if self._plain is not None else None
        if self._encrypted is not None:
            try:
                encrypted = self._encrypted.start(listener)
            except BaseException:
                if self._plain is not None:
                    self._plain.stop(0.0)
                raise
            self.listening = {"tls_port": encrypted[1]}
            where = where or encrypted
        if where is None:
            raise AssertionError
        return where

    def stop(self, grace_seconds: float) -> None:
        """Stop both, one after the other; each has the whole grace."""
        for engine in (self._plain, self._encrypted):
            if engine is not None:
                engine.stop(grace_seconds)
