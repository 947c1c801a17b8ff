"""One provider, with its parts wired."""

from handoff.access.openid.claims import principal_of
from handoff.access.openid.code_flow import CodeFlow
from handoff.access.openid.keys import Keys
from handoff.access.openid.provider import Provider
from handoff.access.openid.remembered import Ages
from handoff.access.openid.settings import OpenidSettings
from handoff.access.openid.verify import Verifier, looks_signed
from handoff.access.principal import Principal


class Openid:
    """Knows whom a provider's tokens stand for, and signs people in there.

    Args:
        url: where browsers see this service; None where nobody signs in by pages.
    """

    def __init__(self, settings: OpenidSettings, url: str | None, ages: Ages | None = None) -> None:
        ages = ages or Ages()
        self._settings = settings
        self._provider = Provider(settings, ages)
        self._verifier = Verifier(settings, Keys(self._provider, ages))
        self.code_flow: CodeFlow | None = None
        if settings.client_id is not None and url is not None:
            self.code_flow = CodeFlow(settings, self._provider, self._verifier, url=url)

    def find(self, token: str) -> Principal | None:
        """Whom a token of the API stands for; None when it is none that a provider signs.

        Raises:
            UnauthorizedError: the token is not to be believed, or names nobody.
            ForbiddenError: it gives no role here.
            OpenidDownError: the provider's keys cannot be had.
        """
        if not looks_signed(token):
            return None
        return principal_of(self._verifier.claims(token, self._settings.audience), self._settings)

    def close(self) -> None:
        """Let go of the connections."""
        self._provider.close()
