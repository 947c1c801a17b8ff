"""What NiFi's flow does between receiver and handoff, through the doors that its processors call; without NiFi.

`ListenDICOM` asks the listener, `RouteDICOM` and `DeidentifyDICOM` their doors, FetchFile and InvokeHTTP put what
lies at `package.path`, and `ConfirmDelivery` gets the answer.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any, Self

from processors.delivery import doors
from processors.delivery.flowfile import Outcome
from processors.delivery.workers import pool_of
from processors.delivery.workplace import workplace
from tests.integration.handoff.running import RunningHandoff

_RELEASE = "f" * 64
_WORKERS = "1"


class _FlowFile:
    """Attributes, as NiFi gives them to a processor."""

    def __init__(self, attributes: dict[str, str]) -> None:
        self._attributes = attributes

    def getAttribute(self, name: str, /) -> str | None:
        return self._attributes.get(name)


class Errands:
    """Runs for one home. Use it as a context, which lets go of the landing."""

    def __init__(self, trusted: Path, handoff: RunningHandoff) -> None:
        self._home, self._handoff = str(trusted), handoff
        self.carried: Counter[str] = Counter()
        """What the handoff has confirmed, by kind."""
        self.messages: list[bytes] = []
        """What crossed as evidence."""

    def __enter__(self) -> Self:
        self._listener = doors.listener(self._home)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        place = workplace(self._home)
        pool_of(place, int(_WORKERS)).close()
        place.close()

    def run(self) -> None:
        """Carry all that is due, until nothing more comes for a moment."""
        while (announced := self._listener.next()) is not None:
            routed = doors.route(self._home, _RELEASE, _FlowFile(announced))
            for entry in _entries(routed):
                self._carry(announced | entry)

    def _carry(self, entry: dict[str, str]) -> None:
        if entry["kind"] == "shipment":
            treated = doors.deidentify(self._home, _WORKERS, _FlowFile(entry))
            assert treated.relationship == "success", treated
            entry = entry | treated.attributes
        place = {"shipment": "shipments"}.get(entry["kind"], entry["kind"])
        body = Path(entry["package.path"]).read_bytes()
        if entry["kind"] == "evidence":
            self.messages.append(body)
        answer = self._handoff.put(f"/v1/{place}/{entry['shipment.id']}", body)
        heard = {"invokehttp.status.code": str(answer.status_code), "receipt": answer.text}
        key: str = self._handoff.ready["receipt_public_key"]
        confirmed = doors.confirm(self._home, key, _FlowFile(entry | heard))
        assert confirmed.relationship == "success", (confirmed, answer.text)
        self.carried[entry["kind"]] += 1


def _entries(routed: Outcome) -> list[dict[str, Any]]:
    """What SplitJson and EvaluateJsonPath make of it; nothing of what is settled already."""
    if routed.relationship == "superseded":
        return []
    assert routed.relationship == "success", routed
    entries: list[dict[str, Any]] = json.loads(routed.contents or b"[]")
    return entries
