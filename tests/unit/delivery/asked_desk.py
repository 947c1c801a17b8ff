"""A handoff without its service that `sluice withdraw` asks as it would ask the client of a real one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from handoff.client import UnreachableError
from handoff.contract.withdrawal import SignedCertificate
from handoff.database.tables import Withdrawal
from handoff.schemas.withdrawals import WithdrawalRequest, WithdrawalView
from handoff.withdrawals import ask
from handoff.withdrawals.show import show_withdrawal
from tests.unit.withdrawals.desk import Desk


@dataclass
class Body:
    """A package of the trusted home, as the desk takes one."""

    id: str
    path: Path

    def body(self) -> bytes:
        return self.path.read_bytes()


@dataclass
class Client:
    """Asks the desk as the client of the handoff would, and lets it work whenever it is looked at."""

    desk: Desk
    down_after: float = field(default=float("inf"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def _call(self) -> None:
        self.down_after -= 1
        if self.down_after < 0:
            raise UnreachableError("http://handoff", "gone")

    def withdraw_all(self, project: str, ids: list[str], reason: str) -> Iterator[WithdrawalView]:
        self._call()
        request = WithdrawalRequest(project=project, shipments=tuple(ids), reason=reason)
        yield self._show(ask.withdraw(self.desk.database, request, "ada").id)

    def withdrawal(self, id_: str) -> WithdrawalView:
        self._call()
        self.desk.work(id_)
        return self._show(id_)

    def certificate(self, id_: str) -> SignedCertificate:
        self._call()
        return self.desk.certificate(id_)

    def _show(self, id_: str) -> WithdrawalView:
        with self.desk.database.read() as session:
            return show_withdrawal(session, session.get_one(Withdrawal, id_))
