"""What NiFi is configured with, and how values get into a Java properties file."""

import stat
from pathlib import Path

import pytest

from nifi.distribution.configure import INDEXED_ATTRIBUTES, Settings, configure, configure_registry, escape, render


def properties_of(file: Path) -> dict[str, str]:
    lines = [line for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def rendered(tmp_path) -> Path:
    return configure(tmp_path / "nifi", Settings(Path("/cache/nifi"), Path("/venv/bin/python"), 12345))


def test_nifi_listens_on_loopback_over_plain_http_and_nowhere_else(rendered):
    values = properties_of(rendered)
    assert (values["nifi.web.http.host"], values["nifi.web.http.port"]) == ("127.0.0.1", "12345")
    assert values["nifi.web.https.port"] == values["nifi.remote.input.socket.port"] == ""
    assert values["nifi.remote.input.http.enabled"] == "false"


def test_nothing_is_archived_and_nothing_is_synced(rendered):
    values = properties_of(rendered)
    assert values["nifi.content.repository.archive.enabled"] == "false"
    assert values["nifi.flow.configuration.archive.enabled"] == "false"
    assert {value for name, value in values.items() if name.endswith("always.sync")} == {"false"}


def test_provenance_can_be_searched_by_our_ids(rendered):
    indexed = properties_of(rendered)["nifi.provenance.repository.indexed.attributes"]
    assert indexed.split(", ") == list(INDEXED_ATTRIBUTES)


def test_the_key_of_sensitive_values_is_private_random_and_kept(tmp_path):
    settings = Settings(Path("/cache"), Path("/python"), 1)
    first = properties_of(configure(tmp_path / "a", settings))["nifi.sensitive.props.key"]
    again = properties_of(configure(tmp_path / "a", settings))["nifi.sensitive.props.key"]
    other = properties_of(configure(tmp_path / "b", settings))["nifi.sensitive.props.key"]
    assert first == again != other
    for name in ("nifi.properties", "sensitive.key"):
        assert stat.S_IMODE((tmp_path / "a" / "conf" / name).stat().st_mode) == 0o600


def test_each_property_is_set_once(rendered):
    lines = [line.split("=")[0] for line in rendered.read_text().splitlines() if line and not line.startswith("#")]
    assert len(lines) == len(set(lines))


@pytest.mark.parametrize(
    ("value", "written"),
    [("/a b/c", "/a b/c"), ("C:\\x", "C:\\\\x"), ("/Zürich", "/Z\\u00fcrich"), ("a\nb=c", "a b=c")],
    ids=["space", "backslash", "not ASCII", "line break cannot add a property"],
)
def test_values_are_escaped_for_java(value, written):
    assert escape(value) == written


def test_a_template_with_an_unknown_name_is_an_error():
    with pytest.raises(KeyError):
        render("nifi.x=${unheard_of}", {})


def test_the_registry_listens_on_loopback_and_keeps_flows_in_git_below_its_home(tmp_path):
    file = configure_registry(tmp_path / "registry", Path("/cache/registry"), 12346)
    values = properties_of(file)
    assert (values["nifi.registry.web.http.host"], values["nifi.registry.web.http.port"]) == ("127.0.0.1", "12346")
    assert values["nifi.registry.web.https.port"] == ""
    assert values["nifi.registry.db.url"].startswith("jdbc:h2:./database/")
    providers = (file.parent / "providers.xml").read_text("utf-8")
    assert "GitFlowPersistenceProvider" in providers
    assert "./flows<" in providers
    for name, value in values.items():
        if name.endswith("configuration.file"):
            assert (tmp_path / "registry" / value).exists(), name
