"""Refusals as the gateway says them."""

from typing import Any

_STATUS = {3: 400, 5: 404, 6: 409, 10: 409, 13: 500, 14: 503, 16: 401}


class ApiError(Exception):
    """A gRPC code, its HTTP status and a sentence."""

    def __init__(self, code: int, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.status = status or _STATUS[code]
        self.message = message

    def body(self) -> dict[str, Any]:
        """The documented body."""
        return {"error": self.message, "code": self.code, "message": self.message, "details": []}


class UploadError(ApiError):
    """The upload endpoints stand beside the gateway and have a shape of their own."""

    def body(self) -> dict[str, Any]:
        """What the upload server writes."""
        return {"error_message": self.message, "error_details": self.message}


def invalid(message: str) -> ApiError:
    """The request cannot be meant so."""
    return ApiError(3, f"Invalid input error: {message}")


def not_found(kind: str, name: str) -> ApiError:
    """There is no such thing."""
    return ApiError(5, f"ResourceNotFoundError: {kind} {name} not found.")


def exists(message: str) -> ApiError:
    """A unique name is taken."""
    return ApiError(6, f"Already exist error: {message}")


def internal(message: str) -> ApiError:
    """The server's own failure."""
    return ApiError(13, f"InternalServerError: {message}")
