"""Which page and which word: a WSGI application over the same functions that the commands call.

Every request must name our own address. Every form must come from our own origin and carry its session's secret. A
picture is shown only to whom the look at its instance was recorded for. Cookies know no ports: so a session has a
folder that nobody can guess, and its cookie goes to no page elsewhere.
"""

import hmac
import re
import threading
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from processors.delivery.workplace import Workplace
from processors.errors import ProcessorsError
from processors.quarantine.accounts import Accounts
from processors.quarantine.decision import Decision
from processors.quarantine.errors import NoPictureError, NotSignedInError
from processors.quarantine.items import Item, find, waiting
from processors.quarantine.looks import look
from processors.quarantine.page import views
from processors.quarantine.page.requests import Request
from processors.quarantine.page.sessions import Session, Sessions
from processors.quarantine.pictures import Shown
from processors.quarantine.signed_in import accounts_of, refusals_of, site_chain
from processors.quarantine.treat_again import original
from processors.quarantine.wishes import approve, ask, reject, wish_of

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Nothing runs, nothing comes from elsewhere, nothing goes elsewhere."""
HEADERS: Final = (
    ("Content-Security-Policy", POLICY),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)
COOKIE: Final = "sluice_trusted"
_INSIDE: Final = re.compile(r"(/[A-Za-z0-9_-]{22})(/.*)")
"""The folder of a session, and a page of it."""
_ITEM: Final = re.compile(r"/items/([0-9a-f]{32}/[0-9]{6,})(?:/(release|approve|reject)|/frames/([0-9]{1,6})/([01]))?")
Answer = tuple[HTTPStatus, str | bytes, tuple[tuple[str, str], ...]]


class _RefusedError(Exception):
    """This request is not answered, and why."""

    def __init__(self, status: HTTPStatus, said: str) -> None:
        super().__init__(said)
        self.status = status


class App:
    """The page of one trusted home."""

    def __init__(self, place: Workplace, hosts: Iterable[str]) -> None:
        """Serve a trusted home.

        Args:
            place: the trusted home.
            hosts: what browsers may call us, `name:port`.
        """
        self._place = place
        self._hosts = frozenset(hosts)
        ports = sorted({host.rpartition(":")[2] for host in self._hosts})
        self._cookie = "_".join([COOKIE, *ports])  # two pages of one machine have one each
        self._sessions = Sessions(place.clock)
        self._one_word = threading.Lock()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        inside = _INSIDE.fullmatch(str(environ.get("PATH_INFO", "/")))
        base = inside[1] if inside else ""
        try:
            status, body, more = self._answer(Request.of(environ, self._cookie))
        except _RefusedError as error:
            status, body, more = error.status, views.refusal(str(error), base), ()
        except ProcessorsError as error:
            status, body, more = HTTPStatus.CONFLICT, views.refusal(f"{error} {error.remedy}", base), ()
        finally:
            self._place.close()
        kind = "text/html; charset=utf-8" if isinstance(body, str) else "image/png"
        headers = dict([("Content-Type", kind), *HEADERS, *more])
        start_response(f"{status.value} {status.phrase}", list(headers.items()))
        return [body.encode() if isinstance(body, str) else body]

    def _answer(self, request: Request | None) -> Answer:
        if request is None:
            raise _RefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "This is larger than any form here.")
        if not request.is_for(self._hosts):
            raise _RefusedError(HTTPStatus.MISDIRECTED_REQUEST, "This is not the address of this page.")
        if request.method == "POST" and not request.is_ours:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "This form came from another site.")
        if request.path == "/style.css":
            return HTTPStatus.OK, views.STYLE, (("Content-Type", "text/css; charset=utf-8"),)
        if request.path == "/login":
            return self._login(request)
        inside = _INSIDE.fullmatch(request.path)
        session = self._session(request)
        if inside is None or session is None or not hmac.compare_digest(session.path, inside[1]):
            return HTTPStatus.SEE_OTHER, "", (("Location", "/login"),)
        if request.method == "POST":
            return self._word(request, inside[2], session)
        return self._page(inside[2], session)

    def _session(self, request: Request) -> Session | None:
        """Whose request it is; an account that was removed is signed out at once."""
        session = self._sessions.of(request.cookie) if request.cookie else None
        return session if session and session.name in self._accounts.names() else None

    def _login(self, request: Request) -> Answer:
        if request.method != "POST":
            return HTTPStatus.OK, views.login(), ()
        try:
            name = self._accounts.who(request.form.get("token", ""))
        except NotSignedInError as error:
            refusals_of(self._place).note(self._place.clock())
            return HTTPStatus.FORBIDDEN, views.login(str(error)), ()
        refusals_of(self._place).tell(self._place.clock())
        self._told("signed-in", name)
        secret, session = self._sessions.begin(name)
        cookie = f"{self._cookie}={secret}; Path={session.path}/; HttpOnly; SameSite=Strict"
        return HTTPStatus.SEE_OTHER, "", (("Location", f"{session.path}/"), ("Set-Cookie", cookie))

    def _word(self, request: Request, path: str, session: Session) -> Answer:
        if not request.carries(session.csrf):
            raise _RefusedError(HTTPStatus.FORBIDDEN, "This form is of another session.")
        if path == "/logout":
            self._sessions.end(request.cookie)
            return HTTPStatus.SEE_OTHER, "", (("Location", "/login"),)
        found = _ITEM.fullmatch(path)
        act = self._acts().get(found[2] or "") if found else None
        if found is None or act is None:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "There is no such page.")
        with self._one_word:
            act(find(self._place.ledger, found[1]), request.form, session.name)
        return HTTPStatus.SEE_OTHER, "", (("Location", f"{session.path}/"),)

    def _acts(self) -> dict[str, Callable[[Item, dict[str, str], str], object]]:
        return {
            "release": self._ask,
            "approve": lambda item, form, by: approve(self._place, item, by, form.get("digest", "")),
            "reject": lambda item, form, by: reject(self._place, item, by, form.get("why", "")),
        }

    def _ask(self, item: Item, form: dict[str, str], by: str) -> None:
        decision = Decision.of_words(tuple(form.get("masks", "").split()), form.get("profile"))
        ask(self._place, item, decision, by, form.get("why", ""))

    def _page(self, path: str, session: Session) -> Answer:
        place = self._place
        if path == "/":
            found = [(item, wish_of(place, item)) for item in waiting(place.ledger)]
            return HTTPStatus.OK, views.listing(found, session), ()
        named = _ITEM.fullmatch(path)
        if named is None or named[2]:
            raise _RefusedError(HTTPStatus.NOT_FOUND, "There is no such page.")
        item = find(place.ledger, named[1])
        if named[3] is None:
            return HTTPStatus.OK, self._one(item, session), ()
        if item.id not in session.looked:
            raise _RefusedError(HTTPStatus.FORBIDDEN, "Open the page of the instance first.")
        return HTTPStatus.OK, Shown.of(original(place, item)).png(int(named[3]), int(named[4])), ()

    def _one(self, item: Item, session: Session) -> str:
        try:
            shown = Shown.of(original(self._place, item)) if item.id in session.looked else self._look(item, session)
            pictures = [(frame, view) for frame in shown.frames for view, _ in enumerate(shown.views(frame))]
            no_picture = ""
        except NoPictureError as error:
            pictures, no_picture = [], str(error)
        return views.one(item, wish_of(self._place, item), pictures, no_picture, session)

    def _look(self, item: Item, session: Session) -> Shown:
        shown = look(self._place, item, session.name)
        session.looked.add(item.id)
        return shown

    @property
    def _accounts(self) -> Accounts:
        return accounts_of(self._place)

    def _told(self, what: str, name: str) -> None:
        site_chain(self._place).append([{"kind": "sign-in", "what": what, "name": name}], self._place.clock())
