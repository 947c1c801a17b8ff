"""Saving is refused while something secret could be told or lost, and then no file is touched."""

import copy
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from nifi.errors import SaveError
from nifi.releases import save as save_module
from nifi.releases.flow import read_assembly, read_flows
from nifi.releases.save import FLOWS, save

TOKEN = "a-token-that-nobody-has"


class NiFiInMemory:
    """As much of a NiFi with the release on its canvas as `save` asks for."""

    def __init__(
        self, change=lambda live: None, typed: Mapping[str, object] = MappingProxyType({}), **told: object
    ) -> None:
        self.told, self.typed = told, typed
        self.lives = {flow.name: copy.deepcopy(flow.snapshot) for flow in read_flows()}
        for live in self.lives.values():
            for part in (*live["flowContents"]["processors"], *live["flowContents"]["controllerServices"]):
                part["instanceIdentifier"] = f"live {part['name']}"
        change(self.lives["deliver"]["flowContents"])

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""

    def get(self, path: str, **_query: str) -> Mapping[str, object]:
        match path.strip("/").split("/"):
            case ["process-groups", "root", "process-groups"]:
                return {"processGroups": [self._group(read_assembly().group)]}
            case ["process-groups", _, "process-groups"]:
                return {"processGroups": [self._group(name) for name in self.lives]}
            case ["process-groups", name, "download"]:
                return copy.deepcopy(self.lives[name])
            case ["process-groups", name, "processors"]:
                return {"processors": [self._processor(part) for part in self._processors(name)]}
            case ["flow", "process-groups", name, "controller-services"]:
                return {"controllerServices": [self._service(name, part) for part in self._services(name)]}
            case ["flow", "process-groups", name]:
                inside = [self._group(child) for child in self.lives] if name not in self.lives else []
                processors = [self._processor(part) for part in self._processors(name)]
                flow = {"processors": processors, "processGroups": inside, "connections": []}
                return {"processGroupFlow": {"flow": flow}}
        raise AssertionError(path)

    def _processors(self, name: str) -> list:
        return self.lives[name]["flowContents"]["processors"] if name in self.lives else []

    def _services(self, name: str) -> list:
        return self.lives[name]["flowContents"]["controllerServices"] if name in self.lives else []

    def _service(self, group: str, part: dict) -> dict:
        config = {"properties": {}, "descriptors": {}, **self.typed}
        return {
            "component": {
                "id": part["instanceIdentifier"],
                "parentGroupId": group,
                "name": part["name"],
                "state": "ENABLED",
                **config,
            }
        }

    def _group(self, name: str) -> dict:
        return {"id": name, "component": {"id": name, "name": name, "comments": ""}}

    def _processor(self, part: dict) -> dict:
        config = {"properties": {}, "descriptors": {}}
        component = {
            "id": part["instanceIdentifier"],
            "name": part["name"],
            "type": part["type"],
            "state": "RUNNING",
            "validationStatus": "VALID",
            "config": config,
        }
        return {"component": {**component, **self.told}}


@pytest.fixture
def on(monkeypatch):
    """Have `save` look at this NiFi."""
    return lambda nifi: monkeypatch.setattr(save_module, "NiFi", lambda _: nifi)


def test_a_canvas_that_nobody_changed_gives_the_committed_files(on, tmp_path):
    on(NiFiInMemory())
    saved = save("http://nifi", tmp_path)
    assert {file.name for file in saved.files} == {f"{flow.name}.json" for flow in read_flows()}
    assert saved.findings == ()
    for file in saved.files:
        assert file.read_bytes() == (FLOWS / "sluice" / file.name).read_bytes()


def test_nothing_is_saved_while_a_processor_is_loading(on, tmp_path):
    on(NiFiInMemory(validationErrors=["Initializing runtime environment for the Processor."]))
    with pytest.raises(SaveError, match="is still loading"):
        save("http://nifi", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_secret_that_was_typed_in_is_refused_and_never_repeated(on, tmp_path):
    secret = {"descriptors": {"Password": {"sensitive": True}}, "properties": {"Password": "********"}}
    on(NiFiInMemory(config=secret))
    with pytest.raises(SaveError, match="Password is a secret typed in by hand"):
        save("http://nifi", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_was_typed_into_a_service_is_refused_and_never_repeated(on, tmp_path):
    key = {"descriptors": {"Private Key": {"sensitive": True}}, "properties": {"Private Key": "********"}}
    on(NiFiInMemory(lambda contents: contents["controllerServices"][0]["properties"].pop("Private Key"), typed=key))
    with pytest.raises(SaveError, match="TLS to the handoff: Private Key is a secret typed in by hand"):
        save("http://nifi", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_header_that_holds_a_token_is_refused_and_never_repeated(on, tmp_path):
    def type_it_in(contents: dict) -> None:
        put = next(part for part in contents["processors"] if part["name"] == "PUT to the handoff")
        put["properties"]["Authorization"] = f"Bearer {TOKEN}"

    on(NiFiInMemory(type_it_in))
    with pytest.raises(SaveError, match="must be a sensitive parameter alone") as caught:
        save("http://nifi", tmp_path)
    assert TOKEN not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
