"""Bring the processors' NAR into a NiFi, and tell when its processors can be used."""

from nifi.errors import DeployError
from nifi.nar import ARTIFACT, GROUP, Nar
from nifi.rest import Json, NiFi, wait_for

_NARS = "/controller/nar-manager/nars"


def installed(nifi: NiFi) -> list[Json]:
    """Our NARs in this NiFi, whatever their version."""
    summaries = [entry["narSummary"] for entry in nifi.get(_NARS).get("narSummaries", [])]
    return [
        nar for nar in summaries if (nar["coordinate"]["group"], nar["coordinate"]["artifact"]) == (GROUP, ARTIFACT)
    ]


def is_installed(nifi: NiFi, nar: Nar) -> bool:
    """Whether exactly this NAR is there, by its digest."""
    return any(found["digest"] == nar.digest and found["installComplete"] for found in installed(nifi))


def would_replace(nifi: NiFi, nar: Nar) -> bool:
    """Whether another NAR of the same version has to go before this one comes."""
    return any(found["coordinate"]["version"] == nar.version for found in installed(nifi))


def install(nifi: NiFi, nar: Nar) -> bool:
    """Upload the NAR unless it is there; one of the same version and another digest is replaced.

    No flow may use its processors when it is replaced. Returns whether anything changed.

    Raises:
        DeployError: NiFi cannot install it.
    """
    if is_installed(nifi, nar):
        return False
    for older in installed(nifi):
        if older["coordinate"]["version"] == nar.version:
            nifi.delete(f"{_NARS}/{older['identifier']}", force="true")
            _wait_until_gone(nifi, older["identifier"])
    answer = nifi.upload(f"{_NARS}/content", nar.file.read_bytes(), f"{ARTIFACT}-{nar.version}.nar")
    identifier = answer["narSummary"]["identifier"]
    wait_for("install the NAR", lambda: _is_complete(nifi, identifier))
    return True


def _wait_until_gone(nifi: NiFi, identifier: str) -> None:
    wait_for("remove the older NAR", lambda: _find(nifi, identifier) is None)


def _find(nifi: NiFi, identifier: str) -> Json | None:
    return next((nar for nar in installed(nifi) if nar["identifier"] == identifier), None)


def _is_complete(nifi: NiFi, identifier: str) -> bool:
    nar = _find(nifi, identifier) or {}
    if nar.get("failureMessage"):
        message = f"NiFi cannot install the NAR: {nar['failureMessage'][:300]}."
        raise DeployError(message)
    if not nar.get("installComplete"):
        return False
    types = nifi.get(f"{_NARS}/{identifier}/details").get("processorTypes") or []
    return len(types) > 0
