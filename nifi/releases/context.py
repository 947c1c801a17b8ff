"""Bring a site's parameters into NiFi's parameter context, by nipyapi."""

from collections.abc import Mapping
from typing import Any

from nifi.releases.parameters import read_parameters
from nifi.rest import NiFi, nipyapi_at


def set_parameters(nifi: NiFi, values: Mapping[str, str], text: str | None = None) -> tuple[str, list[str]]:
    """Make the context, or change what differs in it; return its id and the names that were set.

    `text` declares them where it is not the committed declaration that does.
    NiFi never tells a sensitive value, so those are always sent; it restarts nothing for a value that is the same.
    """
    name, declared = read_parameters(text)
    with nipyapi_at(nifi) as nipyapi:
        prepared = {
            key: nipyapi.parameters.prepare_parameter(
                key, values[key], description=parameter.description, sensitive=parameter.sensitive
            )
            for key, parameter in declared.items()
        }
        context = nipyapi.parameters.get_parameter_context(name, "name", greedy=False)
        if context is None:
            made = nipyapi.parameters.create_parameter_context(name, parameters=list(prepared.values()))
            return str(made.id), [*declared]
        current = _current(context)
        different = [key for key in declared if not declared[key].sensitive and current.get(key) != values[key]]
        sensitive = [key for key in declared if declared[key].sensitive]
        context.component.parameters = [prepared[key] for key in [*different, *sensitive]]
        nipyapi.parameters.update_parameter_context(context)
        return str(context.id), different


def _current(context: Any) -> dict[str, str]:  # nipyapi has no types
    return {entry.parameter.name: entry.parameter.value for entry in context.component.parameters}
