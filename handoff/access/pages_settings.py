"""How people reach the pages."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveFloat

from handoff.access.openid.settings import is_private_way


def _origin(url: str) -> str:
    bare = url.rstrip("/")
    if not is_private_way(bare) or bare.count("/") != 2 or any(sign in bare for sign in "?#@ "):
        message = "an https URL of a host alone, as https://handoff.example (http on loopback alone)"
        raise ValueError(message)
    return bare


class PagesSettings(BaseModel):
    """Pages for people at a browser."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, AfterValidator(_origin)] | None = Field(
        None, description="Where browsers see this service, as https://handoff.example; needed to sign in by OpenID."
    )
    session_seconds: PositiveFloat = Field(
        28_800, le=86_400, description="Longest time that a browser stays signed in."
    )
