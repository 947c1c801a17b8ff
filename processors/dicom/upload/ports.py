"""Ports for uploads beside those of DICOM, as one engine: what an operator starts and stops is one receiver."""

from collections.abc import Callable

from processors.dicom.engine import Listener
from processors.dicom.gate import Gate
from processors.dicom.ports import Ports
from processors.dicom.tls import ServerTLS
from processors.dicom.upload.connection import Timers
from processors.dicom.upload.engine import UploadEngine
from processors.limits import ReceiverLimits


class WithUploads:
    """DICOM's ports, one for HTTP, one for HTTPS; each of the latter may be absent."""

    def __init__(
        self,
        ports: Ports,
        host: str,
        *,
        http_port: int | None,
        https_port: int | None,
        ae_title: str,
        gate: Gate,
        limits: ReceiverLimits,
    ) -> None:
        """Configure.

        Args:
            ports: Those of DICOM.
            host: Address to listen on.
            http_port: 0 takes a free one; None for none.
            https_port: The same, with the gate's TLS.
            ae_title: Ours.
            gate: Who may send, and TLS.
            limits: How long connections wait, and how many there may be on each port.
        """

        def on(port: int, tls: ServerTLS | None) -> UploadEngine:
            return UploadEngine(
                host,
                port,
                ae_title,
                policy=gate.policy,
                timers=Timers.of(limits),
                tls=tls,
                maximum_connections=limits.associations,
            )

        self._ports = ports
        self._uploads: dict[str, UploadEngine] = {}
        if http_port is not None:
            self._uploads["http_port"] = on(http_port, None)
        if https_port is not None:
            self._uploads["https_port"] = on(https_port, gate.tls)
        self._listening: dict[str, object] = {}

    @property
    def listening(self) -> dict[str, object]:
        """What is said of the ports other than DICOM's first, once started."""
        return self._ports.listening | self._listening

    def count_by(self, count: Callable[[int], object]) -> None:
        """Have the status of each answer of HTTP told to `count`."""
        for upload in self._uploads.values():
            upload.count = count

    def start(self, listener: Listener) -> tuple[str, int]:
        """Begin to accept; returns host and port of DICOM.

        Raises:
            ListenError: a port cannot be bound; none listens.
        """
        where = self._ports.start(listener)
        started: list[UploadEngine] = []
        try:
            for name, upload in self._uploads.items():
                self._listening[name] = upload.start(listener)[1]
                started.append(upload)
        except BaseException:
            for upload in started:
                upload.stop(0.0)
            self._ports.stop(0.0)
            raise
        return where

    def stop(self, grace_seconds: float) -> None:
        """Stop all, one after the other; each has the whole grace."""
        for upload in self._uploads.values():
            upload.stop(grace_seconds)
        self._ports.stop(grace_seconds)
