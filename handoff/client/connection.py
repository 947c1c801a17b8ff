"""One call to the handoff, and every page of a list."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from ssl import SSLContext
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from handoff.client.errors import AnswerError, ProblemError, UnreachableError
from handoff.schemas.page import Page

Model = TypeVar("Model", bound=BaseModel)


class Connection:
    """What every part of the client calls by: one address, and the tokens for it.

    Args:
        url: of the handoff.
        api_token: for everything but delivering.
        intake_token: for delivering.
        timeout_seconds: for one call.
        tls: of an https address whose authority this machine does not know, or that asks for a certificate.
    """

    def __init__(
        self,
        url: str,
        api_token: str,
        intake_token: str | None = None,
        timeout_seconds: float = 60.0,
        tls: SSLContext | None = None,
    ) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, timeout=timeout_seconds, trust_env=False, verify=tls or True)
        self._api = {"Authorization": f"Bearer {api_token}"}
        self._intake = {"Authorization": f"Bearer {intake_token}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._http.close()

    def _send(self, method: str, path: str, **content: Any) -> httpx.Response:
        """Make one call.

        Raises:
            UnreachableError: nobody answered.
        """
        try:
            return self._http.request(method, path, **content)
        except httpx.TransportError as error:
            raise UnreachableError(self._url, str(error) or type(error).__name__) from error

    def _get(self, path: str, **query: object) -> httpx.Response:
        return self._send("GET", path, params=_given(query), headers=self._api)

    def _post(self, path: str, body: dict[str, Any] | None) -> httpx.Response:
        return self._send("POST", path, json=body, headers=self._api)

    def _stream(self, path: str) -> Iterator[bytes]:
        """A body, in blocks.

        Raises:
            ProblemError: the answer is a problem.
            UnreachableError: nobody answered, or not to the end.
        """
        with self._opened(path) as answer:
            yield from answer.iter_bytes()

    def _lines(self, path: str, **query: object) -> Iterator[str]:
        """A body of text, line by line as it comes.

        Raises:
            ProblemError: the answer is a problem.
            UnreachableError: nobody answered, or not to the end.
        """
        with self._opened(path, **query) as answer:
            yield from answer.iter_lines()

    @contextmanager
    def _opened(self, path: str, **query: object) -> Iterator[httpx.Response]:
        try:
            with self._http.stream("GET", path, params=_given(query), headers=self._api) as answer:
                if not answer.is_success:
                    answer.read()
                yield checked(answer)
        except httpx.TransportError as error:
            raise UnreachableError(self._url, str(error) or type(error).__name__) from error

    def _pages(self, page: type[Page[Model]], path: str, **query: object) -> Iterator[Model]:
        after: str | None = None
        while True:
            found = read(page, self._get(path, after=after, **query))
            yield from found.items
            if found.next is None:
                return
            after = found.next


def _given(query: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in query.items() if value is not None}


def read(model: type[Model], answer: httpx.Response) -> Model:
    """An answer as the model that it is.

    Raises:
        AnswerError: it is none.
        ProblemError: it is a problem.
    """
    try:
        return model.model_validate_json(checked(answer).content)
    except ValidationError as error:
        raise AnswerError(str(answer.request.url)) from error


def checked(answer: httpx.Response) -> httpx.Response:
    """An answer, if it is none of a problem.

    Raises:
        ProblemError: it is.
    """
    if answer.is_success:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    raise ProblemError(
        answer.status_code,
        problem.get("code", "unknown"),
        problem.get("title", ""),
        problem.get("remedy", ""),
        places=problem.get("places", ()),
        expected=problem.get("expected", ()),
    )
