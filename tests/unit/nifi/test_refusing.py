"""What a deployment refuses, it refuses before anything is changed: not the NAR, nor a parameter, nor another group."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from nifi.errors import DeployError
from nifi.releases import deploy as deploy_module
from nifi.releases.deploy import deploy
from tests.unit.nifi.test_save import NiFiInMemory

PARAMETERS = {
    "trusted.home": "/trusted",
    "handoff.url": "http://127.0.0.1:1",
    "handoff.token": "-",
    "receipt.public.key": "-",
}


class Controlled(NiFiInMemory):
    """The last of the groups was put under version control on the canvas; nothing can be written here."""

    def get(self, path: str, **query: str):
        if path == "/flow/current-user":
            return {"anonymous": True}
        parts = path.strip("/").split("/")
        if parts[0] == "process-groups" and len(parts) == 2:
            last = [*self.lives][-1]
            control = {"versionControlInformation": {"registryName": "hospital"}} if parts[1] == last else {}
            return {"component": {"name": parts[1], **control}, "revision": {"version": 0}}
        return super().get(path, **query)


def test_a_group_under_version_control_is_refused_before_anything_changes(monkeypatch):
    nifi = Controlled()
    monkeypatch.setattr(deploy_module, "NiFi", lambda _: nifi)
    monkeypatch.setattr(deploy_module, "require_bundles", lambda *_: None)
    monkeypatch.setattr(deploy_module, "Editors", lambda *_: SimpleNamespace(edits=lambda *_: []))
    nar = SimpleNamespace(digest="0" * 64, version="0.1.0", path=Path("none.nar"))
    with pytest.raises(DeployError, match="under version control of hospital; stop that on the canvas first"):
        deploy("http://nifi", PARAMETERS, nar)
