"""What a request to a served model is refused for.

```
ServingError            400  the request says something that this server cannot do
├── UnauthorizedError   401
├── OutsideError        403  it names a place outside the roots
├── UnknownModelError   404
├── ConflictError       409  another model, or another order under a key that is known
└── BusyError           503  as many runs wait as may wait
```

An answer is `{"error": "<code>: <sentence> <remedy>"}`: the protocol has one string for errors; the code comes first.
"""

from typing import ClassVar

from ml.errors import MLError


class ServingError(MLError):
    """The request says something that this server cannot do."""

    status: ClassVar[int] = 400
    code: str = "request"
    remedy: ClassVar[str] = "Send what docs/serving.md describes."

    def __init__(self, message: str | None = None, *, code: str | None = None) -> None:
        """Take the class docstring as message unless another is given."""
        super().__init__(message or (self.__doc__ or "").strip())
        self.code = code or self.code

    def answer(self) -> dict[str, str]:
        """The body that the client gets."""
        return {"error": f"{self.code}: {self} {self.remedy}"}


class UnauthorizedError(ServingError):
    """The request carries no token that this server knows."""

    status = 401
    code = "unauthorized"
    remedy = "Send `Authorization: Bearer` with the content of the server's token file."


class OutsideError(ServingError):
    """The request names a place outside the folders that this server was given."""

    status = 403
    code = "outside-roots"
    remedy = "Start the server with the store and the results of the handoff that sends to it."


class UnknownModelError(ServingError):
    """This server has no such model."""

    status = 404
    code = "model-unknown"
    remedy = "Ask GET /v2/models for its name."


class ConflictError(ServingError):
    """This server serves another model."""

    status = 409
    code = "model-differs"
    remedy = "Send it to the server of that model, or start this one with it."


class BusyError(ServingError):
    """As many runs wait here as may wait."""

    status = 503
    code = "busy"
    remedy = "Send it again later; nothing was started."
