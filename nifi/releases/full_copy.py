"""Keep a flow whole in a Registry that does not know all of its fields.

NiFi Registry 0.8.0 takes a flow of NiFi 2 and drops, without a word, every field that came later: how often a processor
tries again, for one. So the whole flow goes beside what the Registry understands, compressed, as the one entry of the
group's `variables`: the Registry keeps those as they are, and NiFi 2, which knows no variables, does not look at them.
A Registry of NiFi 2 drops the variables in turn, and keeps every field.
"""

import base64
import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Iterator

from nifi.errors import ForeignVersionError
from nifi.releases.compare import fingerprint
from nifi.releases.flow import Flow, Json, canonical

_VARIABLE = "sluice.flow"
_REGISTRYS_OWN = frozenset({"snapshotMetadata", "flow", "bucket", "latest", "latestVersion"})
_LIMIT = 64 * 2**20


def with_full_copy(flow: Flow) -> Json:
    """The flow as it is sent to a Registry."""
    packed = base64.b64encode(gzip.compress(canonical(flow.snapshot), mtime=0)).decode("ascii")
    return {**flow.snapshot, "flowContents": {**flow.contents, "variables": {_VARIABLE: packed}}}


def full_copy(name: str, answer: Json) -> Flow | None:
    """The whole flow out of a Registry's answer; None when it holds none.

    Raises:
        ForeignVersionError: it holds one that cannot be read.
    """
    packed = (answer["flowContents"].get("variables") or {}).get(_VARIABLE)
    if packed is None:
        return None
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(base64.b64decode(packed, validate=True))) as stream:
            return Flow(name, dict(json.loads(stream.read(_LIMIT))))
    except (ValueError, TypeError, EOFError, OSError, zlib.error) as error:
        message = f"The whole copy of the flow {name} in the Registry cannot be read ({type(error).__name__})."
        raise ForeignVersionError(message) from error


def restore(name: str, answer: Json, digest: str, mark: str) -> Flow:
    """The flow that was published, out of a Registry's answer.

    Args:
        name: of the flow.
        answer: a version with its contents.
        digest: of the flow as it was published.
        mark: its fingerprint, by which it is known where the Registry kept every field and no copy.

    Raises:
        ForeignVersionError: neither the copy nor the contents are what was published.
    """
    if (whole := full_copy(name, answer)) is not None:
        if whole.digest != digest:
            message = f"The whole copy of the flow {name} in the Registry is not the one that the release names."
            raise ForeignVersionError(message)
        return whole
    plain = {key: value for key, value in answer.items() if key not in _REGISTRYS_OWN}
    if fingerprint(plain["flowContents"]) != mark:
        message = f"The flow {name} in the Registry has no full copy, and not the fields that were published."
        raise ForeignVersionError(message)
    return Flow(name, plain)


def lost_fields(sent: Json, got: Json) -> dict[str, int]:
    """Every field that was sent and did not come back as it was, with how often; by its path without ids and names."""
    return dict(sorted(Counter(_lost("", sent, got)).items()))


def _lost(path: str, sent: object, got: object) -> Iterator[str]:
    if isinstance(sent, dict):
        found = got if isinstance(got, dict) else {}
        for key, value in sent.items():
            # Processors call their properties, and contexts their parameters, as they like; that is no field.
            where = f"{path}.*" if path.endswith(("propertyDescriptors", "parameterContexts")) else f"{path}.{key}"
            if key in found:
                yield from _lost(where, value, found[key])
            else:
                yield where.removeprefix(".")
    elif isinstance(sent, list) and any(isinstance(item, dict) for item in sent):
        yield from _lost_items(path, sent, got if isinstance(got, list) else [])
    elif _ordered(sent) != _ordered(got):
        yield path.removeprefix(".")


def _lost_items(path: str, sent: list[Json], got: list[Json]) -> Iterator[str]:
    """A Registry keeps components as sets; those with an id are found by it, bends by their place."""
    by_id = {_key(item): item for item in got}
    for index, item in enumerate(sent):
        key = _key(item)
        partner = by_id.get(key) if key is not None else (got[index] if index < len(got) else None)
        if partner is None:
            yield f"{path}[]".removeprefix(".")
        else:
            yield from _lost(f"{path}[]", item, partner)


def _key(item: Json) -> object:
    return item.get("identifier") or item.get("name")


def _ordered(value: object) -> object:
    return sorted(map(str, value)) if isinstance(value, list) else value
