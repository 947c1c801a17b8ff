"""The shells as NiFi loads them, with stand-ins for the few things that NiFi gives them."""

import ast
import errno
import importlib
import os
import queue
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydicom.uid import generate_uid

from processors.delivery import doors, quiet
from processors.delivery.workplace import workplace
from processors.landing.lock import hold, holder
from tests.unit.delivery.trusted_home import RELEASE, TrustedHome, ct

SHELLS = ("ListenDICOM", "RouteDICOM", "DeidentifyDICOM", "ConfirmDelivery", "ReidentifyDICOM", "SendDICOM")
DELIVERING = SHELLS[:4]
PROPERTIES = {
    "ListenDICOM": [
        "Trusted Home",
        "Receiver",
        "Listening Port",
        "AE Title",
        "Peers File",
        "TLS Port",
        "TLS Certificate",
        "TLS Key",
        "TLS Authority",
    ],
    "RouteDICOM": ["Trusted Home", "Flow Release"],
    "DeidentifyDICOM": ["Trusted Home", "Workers"],
    "ConfirmDelivery": ["Trusted Home", "Receipt Public Key"],
    "ReidentifyDICOM": ["Trusted Home", "Inbox"],
    "SendDICOM": ["Trusted Home"],
}
RELATIONSHIPS = {
    "RouteDICOM": {"success", "parked", "superseded"},
    "DeidentifyDICOM": {"success", "quarantine", "superseded"},
    "ConfirmDelivery": {"success", "rejected", "retry", "superseded"},
    "ReidentifyDICOM": {"success", "held", "retry", "superseded"},
    "SendDICOM": {"success", "rejected", "superseded"},
}


class Result(SimpleNamespace):
    def __init__(self, relationship: str, attributes: object = None, contents: object = None) -> None:
        super().__init__(relationship=relationship, attributes=attributes, contents=contents)


class Transform:
    """NiFi's base class, which gives a processor its logger; an error makes a bulletin."""

    def __init_subclass__(cls) -> None:
        cls.bulletins: list[str] = []
        cls.logger = SimpleNamespace(error=cls.bulletins.append)


@pytest.fixture
def shells(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, type]]:
    """The classes, loaded with a stand-in for nifiapi."""
    record = type("Record", (SimpleNamespace,), {})
    validators = SimpleNamespace(NON_EMPTY_VALIDATOR=1, POSITIVE_INTEGER_VALIDATOR=2)
    contents = {
        "flowfilesource": {"FlowFileSource": Transform, "FlowFileSourceResult": Result},
        "flowfiletransform": {"FlowFileTransform": Transform, "FlowFileTransformResult": Result},
        "properties": {"PropertyDescriptor": record, "StandardValidators": validators, "ValidationResult": record},
        "relationship": {"Relationship": record},
    }
    monkeypatch.setitem(sys.modules, "nifiapi", types.ModuleType("nifiapi"))
    for name, members in contents.items():
        module = types.ModuleType(f"nifiapi.{name}")
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, f"nifiapi.{name}", module)
    monkeypatch.setattr(doors, "silence", lambda: None)
    monkeypatch.setattr(doors, "PAUSE_SECONDS", 0)
    for name in SHELLS:
        monkeypatch.delitem(sys.modules, f"processors.{name}", raising=False)
    yield {name: getattr(importlib.import_module(f"processors.{name}"), name) for name in SHELLS}
    for name in SHELLS:
        del sys.modules[f"processors.{name}"]


class Context:
    def __init__(self, **properties: str) -> None:
        self.properties = properties

    def getProperty(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(getValue=lambda: self.properties.get(name))


class FlowFile:
    def __init__(self, **attributes: str) -> None:
        self.attributes = attributes

    def getAttribute(self, name: str) -> str | None:
        return self.attributes.get(name)


@pytest.mark.parametrize("name", SHELLS)
def test_a_shell_is_what_nifis_loader_reads_without_importing_it(name: str) -> None:
    source = (Path(doors.__file__).parents[1] / f"{name}.py").read_text()
    assert len(source.splitlines()) < 80
    [shell] = [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    assert shell.name == name
    details = next(each for each in shell.body if isinstance(each, ast.ClassDef) and each.name == "ProcessorDetails")
    values = {each.targets[0].id: ast.literal_eval(each.value) for each in details.body if isinstance(each, ast.Assign)}
    assert values["version"] == "0.1.0"
    assert values["description"]
    assert not shell.decorator_list


def test_property_and_relationship_names_are_those_that_flows_use(shells: dict[str, type]) -> None:
    for name, shell in shells.items():
        assert [each.name for each in shell(jvm=None).getPropertyDescriptors()] == PROPERTIES[name]
    for name, relationships in RELATIONSHIPS.items():
        assert {each.name for each in shells[name](jvm=None).getRelationships()} == relationships


def test_a_delivery_passes_through_its_shells_to_its_receipt(shells: dict[str, type], home: TrustedHome) -> None:
    delivery = home.seal([ct(generate_uid(), generate_uid())])
    listen, route, clean, confirm = (shells[name](jvm=None) for name in DELIVERING)
    context = Context(
        **{
            "Trusted Home": str(home.root),
            "Flow Release": RELEASE,
            "Workers": "1",
            "Receipt Public Key": home.handoff.public_key,
        }
    )
    assert listen.customValidate(context) == []
    listen.onScheduled(context)
    announced = listen.create(context)
    assert announced.attributes == {
        "delivery.id": delivery,
        "delivery.n": "1",
        "kind": "delivery",
        "filename": delivery,
    }
    routed = route.transform(context, FlowFile(**announced.attributes))
    import json

    [entry] = json.loads(routed.contents)
    cleaned = clean.transform(context, FlowFile(**entry))
    assert (cleaned.relationship, cleaned.contents) == ("success", None)
    sent = {**entry, **cleaned.attributes}
    receipt = home.handoff.accept(sent, "lung").body
    done = confirm.transform(context, FlowFile(**sent, receipt=receipt, **{"invokehttp.status.code": "201"}))
    assert done.relationship == "success"
    assert all(isinstance(value, str) for value in (*entry.values(), *cleaned.attributes.values()))
    assert [shells[name].bulletins for name in DELIVERING[1:]] == [[], [], []], "the ordinary way of things is silent"
    assert listen.create(context) is None
    listen.onStopped(context)
    workplace(str(home.root)).close()


@pytest.mark.parametrize("name", SHELLS[1:])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"delivery.id": "../../etc", "delivery.n": "1", "kind": "delivery"},
        {"delivery.id": "0" * 32, "delivery.n": "x", "kind": "shipment", "shipment.id": "1" * 32},
        {"delivery.id": "0" * 32, "delivery.n": "1", "kind": "delivery", "shipment.id": "../x"},
    ],
    ids=["nothing", "a path", "no number", "a path for a shipment"],
)
def test_a_flowfile_that_is_none_of_ours_leaves_by_failure_with_a_code(
    shells: dict[str, type], home: TrustedHome, name: str, attributes: dict[str, str]
) -> None:
    context = Context(
        **{"Trusted Home": str(home.root), "Flow Release": "r", "Workers": "1", "Receipt Public Key": "k", "Inbox": "i"}
    )
    result = shells[name](jvm=None).transform(context, FlowFile(**attributes))
    assert (result.relationship, result.attributes) == ("failure", {"reason": "bad-reference"})
    [bulletin] = shells[name].bulletins
    assert bulletin.startswith("failure: bad-reference.")


@pytest.mark.parametrize("name", SHELLS)
def test_a_home_that_is_not_there_raises_nothing(shells: dict[str, type], name: str) -> None:
    context = Context(
        **{
            "Trusted Home": "/proc/nowhere",
            "Flow Release": "r",
            "Workers": "1",
            "Receipt Public Key": "k",
            "Inbox": "i",
        }
    )
    shell = shells[name](jvm=None)
    if name == "ListenDICOM":
        shell.onScheduled(context)
        assert shell.create(context) is None
    else:
        attributes = {"delivery.id": "0" * 32, "delivery.n": "1", "kind": "delivery", "shipment.id": "1" * 32}
        assert shell.transform(context, FlowFile(**attributes)).relationship in {"failure", "superseded"}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda root: (root / "keys" / "site.key").unlink(), "sluice keys new"),
        (lambda root: (root / "rules.yaml").unlink(), "rules.yaml"),
        (
            lambda root: (root / "rules.yaml").write_text("version: 1\nrules: [{name: all}]"),
            "rules.0.ship (rule 'all')",
        ),
        (
            lambda root: (root / "rules.yaml").write_text("rules: [{name: all, ship: [{project: p, profile: none}]}]"),
            "no profile none",
        ),
        (lambda root: (root / "sluice.yaml").write_text("lending: here"), "lending"),
    ],
    ids=["no key", "no rules", "wrong rules", "no profile", "wrong settings"],
)
def test_without_key_rules_or_settings_nothing_is_announced_and_the_canvas_says_why(
    shells: dict[str, type], home: TrustedHome, spoil: Callable[[Path], object], says: str
) -> None:
    context = Context(**{"Trusted Home": str(home.root)})
    assert shells["ListenDICOM"](jvm=None).customValidate(context) == []
    spoil(home.root)
    [said] = shells["ListenDICOM"](jvm=None).customValidate(context)
    assert says in said.explanation


def test_codes_hold_a_class_name_and_never_a_message() -> None:
    assert quiet.code_of(ValueError("Mustermann^Erika")) == "value"
    assert quiet.code_of(UnicodeDecodeError("utf-8", b"Erika", 0, 1, "x")) == "unicode-decode"
    assert quiet.code_of(FileNotFoundError(errno.ENOENT, "No such file", "/home/Erika")) == "enoent"


def test_silenced_libraries_log_and_warn_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Run apart: silence is for the life of a process."""
    import subprocess

    program = (
        "import logging, sys, threading, warnings\n"
        "logging.basicConfig(stream=sys.stderr, level=logging.INFO)\n"
        "from processors.delivery.quiet import silence\n"
        "silence()\n"
        "warnings.warn('Erika')\n"
        "logging.getLogger('pydicom.dataset').error('Erika')\n"
        "logging.getLogger('pynetdicom').error('Erika')\n"
        "thread = threading.Thread(target=lambda: 1 / 0)\n"
        "thread.start(); thread.join()\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
    assert capfd.readouterr() == ("", "")


def embedded(home: TrustedHome) -> Context:
    """ListenDICOM told to run its own receiver on any free port."""
    return Context(**{"Trusted Home": str(home.root), "Receiver": "embedded", "Listening Port": "0"})


def test_an_embedded_receiver_lives_as_long_as_its_processor_is_scheduled(
    shells: dict[str, type], home: TrustedHome
) -> None:
    heard: queue.SimpleQueue[str] = queue.SimpleQueue()
    shells["ListenDICOM"].logger = SimpleNamespace(info=heard.put, warn=heard.put, error=heard.put)
    listen, context = shells["ListenDICOM"](jvm=None), embedded(home)
    assert listen.customValidate(context) == []
    listen.onScheduled(context)
    while '"event": "listening"' not in heard.get(timeout=240):
        pass
    lock = home.place.layout.receiver_lock
    assert holder(lock) is not None
    assert listen.customValidate(context) == [], "its own receiver is no other one"
    listen.onStopped(context)
    assert holder(lock) is None
    workplace(str(home.root)).close()


def test_the_canvas_names_the_receiver_that_has_the_landing_already(shells: dict[str, type], home: TrustedHome) -> None:
    listen = shells["ListenDICOM"](jvm=None)
    with hold(home.place.layout.receiver_lock, "receiver"):
        [said] = listen.customValidate(embedded(home))
        assert listen.customValidate(Context(**{"Trusted Home": str(home.root), "Receiver": "attached"})) == []
    assert f"process {os.getpid()} on " in said.explanation
    assert "set Receiver to attached" in said.explanation


def test_the_canvas_says_which_properties_do_not_go_together(shells: dict[str, type], home: TrustedHome) -> None:
    context = Context(**{"Trusted Home": str(home.root), "Receiver": "embedded", "TLS Port": "2762"})
    [said] = shells["ListenDICOM"](jvm=None).customValidate(context)
    assert "need each other" in said.explanation
