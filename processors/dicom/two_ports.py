"""A port without TLS and one with it, as one engine: modalities that know TLS and such that do not, side by side."""

from processors.dicom.engine import Engine, Listener


class TwoPorts:
    """The plain engine, the one with TLS, or both."""

    def __init__(self, plain: Engine | None, encrypted: Engine | None) -> None:
        """At least one of them."""
        self._plain, self._encrypted = plain, encrypted
        self.encrypted_port: int | None = None
        """The port with TLS, once started."""

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
            self.encrypted_port = encrypted[1]
            where = where or encrypted
        if where is None:
            raise AssertionError
        return where

    def stop(self, grace_seconds: float) -> None:
        """Stop both, one after the other; each has the whole grace."""
        for engine in (self._plain, self._encrypted):
            if engine is not None:
                engine.stop(grace_seconds)
