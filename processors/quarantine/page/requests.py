"""What a browser sent, and whether it may: to this very address alone, and forms from our own pages alone."""

import hmac
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

_MOST_BYTES: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read whole."""

    method: str
    path: str
    host: str
    origin: str
    site: str
    cookie: str
    form: dict[str, str]

    @classmethod
    def of(cls, environ: "WSGIEnvironment", cookie: str) -> Self | None:
        """Read it, with the cookie of this name; None when it is larger than any form of ours."""
        length = str(environ.get("CONTENT_LENGTH") or "0")
        if not length.isdecimal() or int(length) > _MOST_BYTES:
            return None
        body = environ["wsgi.input"].read(int(length)) if int(length) else b""
        sent = parse_qs(body.decode("utf-8", "replace"), max_num_fields=32)
        cookies: SimpleCookie = SimpleCookie()
        try:
            cookies.load(environ.get("HTTP_COOKIE", ""))
        except CookieError:
            cookies.clear()
        return cls(
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", "/"),
            host=environ.get("HTTP_HOST", ""),
            origin=environ.get("HTTP_ORIGIN", ""),
            site=environ.get("HTTP_SEC_FETCH_SITE", ""),
            cookie=cookies[cookie].value if cookie in cookies else "",
            form={name: values[0] for name, values in sent.items()},
        )

    def is_for(self, hosts: frozenset[str]) -> bool:
        """Whether it names one of our own addresses: a foreign name that leads here is somebody else's trick."""
        return self.host.lower() in hosts

    @property
    def is_ours(self) -> bool:
        """Whether a form came from our own pages, as far as the browser says."""
        return self.origin in ("", f"http://{self.host}") and self.site in ("", "same-origin")

    def carries(self, csrf: str) -> bool:
        """Whether a form holds the secret of its session."""
        return hmac.compare_digest(self.form.get("csrf", "").encode(), csrf.encode())
