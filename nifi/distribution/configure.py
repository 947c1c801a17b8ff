"""Render the configuration files of NiFi and of its Registry into an instance's folder."""

import json
import re
import secrets
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

INDEXED_ATTRIBUTES = ("delivery.id", "delivery.n", "shipment.id", "destination", "kind", "package.sha256", "reason")
"""FlowFile attributes by which provenance can be searched."""

_RENDERED = "nifi.properties"
_REGISTRY_RENDERED = "nifi-registry.properties"
_REGISTRY_COPIED = (
    "logback.xml",
    "providers.xml",
    "authorizers.xml",
    "identity-providers.xml",
    "registry-aliases.xml",
    "bootstrap.conf",
)
_COPIED = ("logback.xml", "state-management.xml", "authorizers.xml", "login-identity-providers.xml")


@dataclass(frozen=True, slots=True)
class Settings:
    """What differs between two embedded NiFis."""

    distribution: Path
    python: Path
    port: int
    banner: str = "Sluice"


def configure(instance: Path, settings: Settings) -> Path:
    """Write conf/ below `instance` and return the path of nifi.properties.

    The key that encrypts sensitive values in NiFi's saved flow is made once and kept: with another, NiFi could not read
    its flow again.
    """
    conf = instance / "conf"
    conf.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in ("extensions", "python_extensions", "logs"):
        (instance / folder).mkdir(exist_ok=True)
    for name in _COPIED:
        (conf / name).write_text(_template(name), "utf-8")
    values = {
        "distribution": str(settings.distribution),
        "python": str(settings.python),
        "port": str(settings.port),
        "banner": settings.banner,
        "indexed_attributes": ", ".join(INDEXED_ATTRIBUTES),
        "sensitive_key": _sensitive_key(conf / "sensitive.key"),
    }
    return _write_private(conf / _RENDERED, render(_template(_RENDERED), values))


def configure_registry(instance: Path, distribution: Path, port: int) -> Path:
    """Write conf/ of a Registry below `instance` and return the path of nifi-registry.properties."""
    conf = instance / "conf"
    conf.mkdir(mode=0o700, parents=True, exist_ok=True)
    for folder in ("docs", "logs"):
        (instance / folder).mkdir(exist_ok=True)
    for name in _REGISTRY_COPIED:
        (conf / name).write_text(_template("registry", name), "utf-8")
    values = {"distribution": str(distribution), "port": str(port)}
    return _write_private(conf / _REGISTRY_RENDERED, render(_template("registry", _REGISTRY_RENDERED), values))


def render(template: str, values: dict[str, str]) -> str:
    """Fill `${name}` in a Java properties text; values are escaped, an unknown name is a KeyError."""
    return Template(template).substitute({name: escape(value) for name, value in values.items()})


def escape(value: str) -> str:
    r"""Escape a value for a Java properties file: backslashes doubled, anything but ASCII as \uXXXX."""
    units = [json.dumps(char)[1:-1] if ord(char) > 126 else char for char in value.replace("\\", "\\\\")]
    return re.sub(r"[\r\n]+", " ", "".join(units))


def _template(*names: str) -> str:
    return files("nifi.distribution").joinpath("conf", *names).read_text("utf-8")


def _sensitive_key(file: Path) -> str:
    if not file.exists():
        _write_private(file, secrets.token_hex(16))
    return file.read_text("ascii").strip()


def _write_private(file: Path, text: str) -> Path:
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(text, "utf-8")
    return file
