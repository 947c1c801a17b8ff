"""A handoff with pages, and a browser that keeps cookies as browsers do."""

import re
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from fastapi.testclient import TestClient

from handoff.access.openid.openid import Openid
from handoff.access.openid.remembered import Ages
from handoff.app import create_app
from handoff.database.tables import Handoff
from handoff.home import ResearchHome
from handoff.service import Service
from handoff.settings import Settings
from tests.peers.openid import OpenidProvider
from tests.unit.handoff.rows import add_handoff, add_surroundings

URL = "https://sluice.example"
AUDIENCE = "sluice-api"
CLIENT = "sluice-pages"
SECRET = "s3cret/+ of the client"
ROLES = [
    {"claim": "groups", "value": "admins", "role": "admin"},
    {"claim": "groups", "value": "imaging", "role": "ml-engineer", "projects": ["lungs"]},
]
HANDOFF = "a" * 32
OTHERS = "b" * 32
"""A handoff of the project lungs, and one of the project brains."""


class Site:
    """One handoff behind TLS, as its browsers see it."""

    def __init__(self, home: Path, issuer: str, **settings: Any) -> None:
        (home / "research").mkdir(parents=True)
        secret = home / "client-secret"
        secret.write_text(SECRET + "\n")
        openid = {
            "issuer": issuer,
            "http_timeout_seconds": 20,
            "audience": AUDIENCE,
            "client_id": CLIENT,
            "client_secret_file": str(secret),
        }
        facts = {"openid": {**openid, "roles": ROLES}, "pages": {"url": URL}, **settings}
        self.home = ResearchHome.of(home)
        self.service = Service.open(Settings.model_validate({"home": home, **facts}))
        self.app = create_app(self.service)

    def __enter__(self) -> Self:
        self._running = TestClient(self.app, base_url=URL)
        self._running.__enter__()
        with self.service.database.write() as session:
            add_surroundings(session)
            for handoff_id, project, key in ((HANDOFF, "lungs", "k"), (OTHERS, "brains", "l")):
                add_handoff(session, id=handoff_id, key=key * 64, project=project, state="RUNNING", batch_id="b")
        return self

    def __exit__(self, *raised: object) -> None:
        self._running.__exit__(None, None, None)

    @property
    def admin_token(self) -> str:
        return self.home.api_token.read_text().strip()

    def browser(self) -> "Browser":
        """A browser of somebody else, without any cookie, and far from the others."""
        self.service.sign_in.attempts._left.clear()
        return Browser(self.app, base_url=URL, follow_redirects=False)

    def browser_at(self, url: str, client: tuple[str, int]) -> "Browser":
        """A browser at an address."""
        return Browser(self.app, base_url=url, follow_redirects=False, client=client)

    def forget_provider(self, ages: Ages | None = None, **changed: Any) -> None:
        """As if the service had just started, perhaps with other settings: nothing of the provider is remembered."""
        openid = self.service.openid
        openid.close()
        fresh = Openid(self.service.settings.openid.model_copy(update=changed), URL, ages or Ages(pause=0))
        for name in ("_provider", "_verifier"):
            setattr(openid, name, getattr(fresh, name))
            setattr(self.service.sign_in.flow, name, getattr(fresh, name))

    def state(self, handoff_id: str, **changed: Any) -> Handoff:
        with self.service.database.write() as session:
            row = session.get_one(Handoff, handoff_id)
            for name, value in changed.items():
                setattr(row, name, value)
        return row


class Browser(TestClient):
    """Cookies are kept, redirects are looked at, forms are sent as their page has them."""

    def __enter__(self) -> Self:
        return self  # without starting the app again

    def __exit__(self, *raised: object) -> None:
        self.close()

    def form(self, page: str, **fields: str) -> dict[str, str]:
        """The hidden fields of the last form of a page, and what a person fills in."""
        text = self.get(page).text
        hidden = dict(re.findall(r'<input type="hidden" name="([a-z]+)" value="([^"]*)">', text))
        assert "csrf" in hidden, text
        return {**hidden, **fields}

    def sign_in(self, token: str, back: str = "/") -> Any:
        """By a token."""
        return self.post("/login", data=self.form(f"/login?next={back}", token=token))

    def begin_at_provider(self, back: str = "/") -> str:
        """The address at the provider to which the site leads."""
        answer = self.get(f"/login/openid?next={back}")
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def sign_in_at(self, provider: OpenidProvider, subject: str, back: str = "/") -> Any:
        """The whole way over the provider."""
        return self.get(provider.consent(self.begin_at_provider(back), subject))


def query(url: str) -> dict[str, str]:
    """The query of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
