"""Tokens, and the record of changes."""

from collections.abc import Iterator

from handoff.client.connection import Connection, read
from handoff.client.place import at
from handoff.schemas.audit import ActView
from handoff.schemas.page import Page
from handoff.schemas.tokens import NewToken, RotateRequest, TokenRequest, TokenView, WhoView


class Access(Connection):
    """Who may do what, and who did."""

    def me(self) -> WhoView:
        """Whom the service takes this client for."""
        return read(WhoView, self._get("/v1/me"))

    def make_token(self, request: TokenRequest) -> NewToken:
        """Make a token; what comes back is the only sight of it."""
        return read(NewToken, self._post("/v1/tokens", request.plain()))

    def tokens(self) -> Iterator[TokenView]:
        """Every token, the revoked and expired ones too."""
        return self._pages(Page[TokenView], "/v1/tokens")

    def rotate_token(self, token_id: str, request: RotateRequest) -> NewToken:
        """Replace a token under its name."""
        return read(NewToken, self._post(at("/v1/tokens/{}:rotate", token_id), request.plain()))

    def revoke_token(self, token_id: str) -> TokenView:
        """End a token."""
        return read(TokenView, self._post(at("/v1/tokens/{}:revoke", token_id), None))

    def acts(
        self, principal: str | None = None, action: str | None = None, subject: str | None = None
    ) -> Iterator[ActView]:
        """Who changed what, and who was refused, the newest first."""
        found = {"principal": principal, "action": action, "subject": subject}
        return self._pages(Page[ActView], "/v1/audit", newest_first="true", **found)
