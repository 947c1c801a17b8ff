"""A real receiver with a port for uploads and none for DICOM, in this process; and a plain client for it."""

import io
import json
import socket
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from processors.dicom.admission import Policy
from processors.dicom.event_log import EventLog
from processors.dicom.receiver import Receiver, ReceiverSettings
from processors.dicom.upload.connection import Timers, UploadConnection
from processors.dicom.upload.engine import UploadEngine
from processors.landing.delivery import is_sealed, read_delivery
from processors.landing.layout import Layout
from processors.ledger.schema import connect
from tests.receiver_process import data_set_bytes
from tests.unit.upload.bodies import RELATED


class Uploads:
    """Use it as a context; after it, all is in the ledger."""

    def __init__(
        self,
        folder: Path,
        *,
        policy: Policy | None = None,
        timers: Timers | None = None,
        reserve_bytes: int = 0,
        maximum_connections: int = 100,
    ) -> None:
        self.layout = Layout(folder / "landing")
        self.layout.prepare()
        self.ledger = folder / "ledger.db"
        with closing(connect(self.ledger)):
            pass
        self._log = io.StringIO()
        settings = ReceiverSettings(landing=self.layout.root, ledger=self.ledger, reserve_bytes=reserve_bytes)
        self.receiver = Receiver(settings, self.layout, EventLog(self._log))
        self.engine = UploadEngine(
            "127.0.0.1", 0, "SLUICE", policy=policy, timers=timers, maximum_connections=maximum_connections
        )
        self.engine.count = self.receiver.metrics.upload_answered
        self.port = self.engine.start(self.receiver)[1]
        self._open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop, as at SIGTERM."""
        if self._open:
            self._open = False
            self.receiver.is_stopping = True
            self.engine.stop(60.0)
            self.receiver.close()

    def connections(self) -> list[UploadConnection]:
        """Those that are served now, past any handshake."""
        return [place.stop.__self__ for place in list(self.engine.port.places) if place.stop is not None]  # type: ignore[attr-defined]

    def connect(self) -> "Client":
        return Client(self.port)

    def post(self, body: bytes, target: str = "/studies", content_type: str = RELATED, **fields: str) -> "Answered":
        """One upload over a connection of its own."""
        with self.connect() as client:
            client.send(request(body, target, content_type, **fields))
            return client.answer()

    def kept(self) -> dict[str, bytes]:
        """The data sets of all sealed deliveries by SOP Instance UID; call it after the end."""
        self.close()
        found = [
            (one.sop_instance_uid, data_set_bytes(self.layout.delivery(delivery.id) / one.file))
            for delivery in map(read_delivery, filter(is_sealed, self.layout.delivery_folders()))
            for one in delivery.instances
        ]
        assert max(Counter(uid for uid, _ in found).values(), default=1) == 1
        return dict(found)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the ledger says, after the end."""
        self.close()
        with closing(connect(self.ledger)) as ledger:
            return [tuple(row) for row in ledger.execute(query)]

    def troubles(self) -> list[tuple[str, str]]:
        """Causes and details, the first first."""
        return [(cause, detail) for cause, detail in self.rows("SELECT cause, detail FROM troubles ORDER BY id")]

    def endings(self) -> list[str]:
        """How the requests ended, that became associations."""
        return [str(ending) for (ending,) in self.rows("SELECT ending FROM associations ORDER BY opened_at")]

    def left_over(self) -> list[Path]:
        """Objects that are not whole."""
        return self.layout.parts()

    def on_its_way(self) -> tuple[int, int]:
        """How many objects are in deliveries, and how many are not whole yet."""
        return len(list(self.layout.deliveries.glob("*/*.dcm"))), len(self.left_over())


class Answered:
    """A response."""

    def __init__(self, status: int, fields: dict[str, str], content: bytes) -> None:
        self.status, self.fields, self.content = status, fields, content

    def _items(self, tag: str) -> list[dict[str, Any]]:
        document = json.loads(self.content)
        items: list[dict[str, Any]] = document.get(tag, {"Value": []})["Value"]
        return items

    @property
    def stored(self) -> list[str]:
        """SOP Instance UIDs of the Referenced SOP Sequence."""
        return [item["00081155"]["Value"][0] for item in self._items("00081199")]

    @property
    def failed(self) -> dict[str, int]:
        """Failure reasons by SOP Instance UID of the Failed SOP Sequence."""
        return {item["00081155"]["Value"][0]: item["00081197"]["Value"][0] for item in self._items("00081198")}

    @property
    def others(self) -> list[int]:
        """Failure reasons of the Other Failures Sequence."""
        return [item["00081197"]["Value"][0] for item in self._items("0008119A")]


class Client:
    """Sends bytes as they are, which no library of HTTP would."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self._reader = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, content: bytes) -> None:
        self._socket.sendall(content)

    def answer(self) -> Answered:
        """The next response, whole."""
        status = int(self._reader.readline().split()[1])
        fields: dict[str, str] = {}
        while line := self._reader.readline().strip():
            name, _, value = line.decode().partition(": ")
            fields[name.lower()] = value
        return Answered(status, fields, self._reader.read(int(fields.get("content-length", "0"))))

    def is_closed(self) -> bool:
        """Wait for the end of the connection; whether nothing came before it."""
        try:
            return self._reader.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._reader.close()
        self._socket.close()


def request(
    body: bytes, target: str = "/studies", content_type: str = RELATED, length: int | None = None, **fields: str
) -> bytes:
    """A request; `length` lies about the body."""
    named = {"Host": "h", "Content-Type": content_type, "Content-Length": str(len(body) if length is None else length)}
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in {**named, **fields}.items()]
    return f"POST {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body
