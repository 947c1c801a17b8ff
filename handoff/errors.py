"""The errors of the handoff: each is one sentence, a remedy, a code for programs and an HTTP status.

```
HandoffError                500
├── StartError                   the service or worker cannot start
├── UnauthorizedError       401
├── ForbiddenError          403
├── NotFoundError           404
├── SlowError               408  the body came too slowly
├── ConflictError           409
│   └── InProgressError      409  the same request is being worked on
├── WithdrawnError          410  withdrawn, for ever
├── TooLargeError           413
├── TooManyError            429  more than a sender may ask for; `retry_after` says when
├── StoreFullError          507
├── BusyError               503  the database did not answer in time
├── StoreDownError          503  the store did not answer, or lost bytes
├── ReaderDiedError         503  the process that read the body died
├── StoppingError           503  the service was told to end
├── OpenidDownError         503  the provider that tokens are checked with did not answer
├── SignInError             400  a sign-in by a browser that cannot go on
└── RefusedError            422  the content cannot be taken; `code` says why
    ├── PackageError             see `handoff.shipments.package`
    ├── BatchError               see `handoff.batches`
    ├── PipelineError            see `handoff.pipelines`
    ├── PromotionError           see `handoff.models.gate`
    └── RunError                 see `handoff.handoffs.accept`
```

No message ever carries content of a request: at most ids that have a closed shape.
"""

from typing import ClassVar


class HandoffError(Exception):
    """The handoff cannot go on."""

    status: ClassVar[int] = 500
    remedy: str = "Look at the service's log for the cause."
    code: str = "internal"
    retry_after: int | None = None
    """Seconds after which the same request may be answered otherwise, where that is known."""

    def __init__(self, message: str | None = None, *, code: str | None = None, remedy: str | None = None) -> None:
        """Take the class docstring as message unless another is given."""
        super().__init__(message or (self.__doc__ or "").strip())
        self.code = code or self.code
        self.remedy = remedy or self.remedy


class StartError(HandoffError):
    """The handoff cannot start."""

    remedy = "Mend what the message names and start again."
    code = "start"


class UnauthorizedError(HandoffError):
    """The request carries no token that this service knows."""

    status = 401
    remedy = "Send `Authorization: Bearer` with the token of the research home."
    code = "unauthorized"


class ForbiddenError(HandoffError):
    """This token may not do that."""

    status = 403
    remedy = "Ask for a token of a role that may; GET /v1/me says what this one may do."
    code = "forbidden"


class NotFoundError(HandoffError):
    """There is no such thing."""

    status = 404
    remedy = "Check the id."
    code = "not-found"


class SlowError(HandoffError):
    """The body came too slowly."""

    status = 408
    remedy = "Nothing was stored; send it again over a better connection."
    code = "request-timeout"


class ConflictError(HandoffError):
    """This id already stands for other content."""

    status = 409
    remedy = "Send new content under a new id; what is stored here never changes."
    code = "conflict"


class InProgressError(ConflictError):
    """A request with this key is still being worked on."""

    remedy = "Send it again after the seconds of Retry-After; nothing is done twice."
    code = "idempotency-in-progress"
    retry_after = 5


class WithdrawnError(HandoffError):
    """This was withdrawn, and may never be used again."""

    status = 410
    remedy = "Do not send it again; GET /v1/withdrawals says by which withdrawal."
    code = "withdrawn"


class TooLargeError(HandoffError):
    """The body is larger than this service takes."""

    status = 413
    remedy = "Send smaller packages, or raise the limit in handoff.yaml."
    code = "too-large"


class TooManyError(HandoffError):
    """More requests than one sender may make."""

    status = 429
    remedy = "Send it again after the seconds of Retry-After, or raise the limits of access in handoff.yaml."
    code = "too-many-requests"

    def __init__(self, retry_after: int) -> None:
        """Take the seconds after which another request is looked at."""
        super().__init__()
        self.retry_after = retry_after


class StoreFullError(HandoffError):
    """The store has no room left."""

    status = 507
    remedy = "Nothing was stored. Make room on the disk of the research home, then send it again."
    code = "store-full"


class BusyError(HandoffError):
    """The database did not answer in time."""

    status = 503
    remedy = "Send it again; nothing is lost by repeating."
    code = "database-busy"


class StoreDownError(HandoffError):
    """The store did not answer."""

    status = 503
    remedy = "Send it again; nothing is lost by repeating. GET /readyz says whether the store works."
    code = "store-down"


class OpenidDownError(HandoffError):
    """The OpenID provider did not answer."""

    status = 503
    remedy = "Send it again when the provider of openid.issuer works; tokens of this service need no provider."
    code = "openid-down"


class SignInError(HandoffError):
    """This sign-in was not begun in this browser, or is over."""

    status = 400
    remedy = "Begin again at /login."
    code = "sign-in"


class ReaderDiedError(HandoffError):
    """The process that read the body died."""

    status = 503
    remedy = "Send it again; nothing of it was stored, and the process is started again by itself."
    code = "reader-died"


class StoppingError(HandoffError):
    """The service is about to end."""

    status = 503
    remedy = "Send it again in a while; nothing of it was stored."
    code = "stopping"


class RefusedError(HandoffError):
    """The content cannot be taken."""

    status = 422
    remedy = "Mend the content and send it again."
    code = "refused"


class PackageError(RefusedError):
    """The package is not what its manifest and digest say."""

    remedy = "Nothing was stored. Build the package again and send it under its own digest."
    code = "package-refused"


class BatchError(RefusedError):
    """No batch can be made of this."""

    remedy = "Choose complete studies whose annotations refer to instances that arrived."
    code = "batch-refused"


class PipelineError(RefusedError):
    """This is no pipeline that keeps the contract."""

    remedy = "Compile a KFP pipeline with the inputs batch_uri, handoff_key and result_uri."
    code = "pipeline-refused"


class PromotionError(RefusedError):
    """The gate does not let this alias move to this model version."""

    remedy = "GET the promotion to see what the gate found; promote a version that reaches it."
    code = "gate-refused"


class RunError(RefusedError):
    """This run cannot be accepted."""

    remedy = "Check batch, target, pipeline, parameters and model."
    code = "run-refused"
