"""Withdraw shipments, and see what became of their copies."""

from collections.abc import Iterable, Iterator, Sequence

from handoff.client.connection import Connection, read
from handoff.client.place import at
from handoff.contract.withdrawal import SignedCertificate
from handoff.schemas.page import Page
from handoff.schemas.withdrawals import MOST_SHIPMENTS, WithdrawalItem, WithdrawalRequest, WithdrawalView


class Withdrawals(Connection):
    """What may never be used again."""

    def withdraw(self, project: str, shipments: Sequence[str], reason: str) -> WithdrawalView:
        """Withdraw shipments for ever, or try again what could not be purged of them; at most MOST_SHIPMENTS."""
        request = WithdrawalRequest(project=project, shipments=tuple(shipments), reason=reason)
        return read(WithdrawalView, self._post("/v1/withdrawals", request.plain()))

    def withdraw_all(self, project: str, shipments: Iterable[str], reason: str) -> Iterator[WithdrawalView]:
        """The same for any number, as several withdrawals where one does not hold them; again in the same parts."""
        named = sorted(set(shipments))
        for start in range(0, len(named), MOST_SHIPMENTS):
            yield self.withdraw(project, named[start : start + MOST_SHIPMENTS], reason)

    def withdrawal(self, withdrawal_id: str) -> WithdrawalView:
        """One withdrawal, and how far it is."""
        return read(WithdrawalView, self._get(at("/v1/withdrawals/{}", withdrawal_id)))

    def withdrawals(self, project: str | None = None) -> Iterator[WithdrawalItem]:
        """Every withdrawal, the newest first."""
        return self._pages(Page[WithdrawalItem], "/v1/withdrawals", project=project)

    def certificate(self, withdrawal_id: str) -> SignedCertificate:
        """The certificate of a withdrawal that has ended."""
        return read(SignedCertificate, self._get(at("/v1/withdrawals/{}/certificate", withdrawal_id)))
