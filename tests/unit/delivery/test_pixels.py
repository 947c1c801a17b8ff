"""Images that may show text, from their announcement to a package: cleaned and said so, or withheld with a code."""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from handoff.contract.shipment import Manifest
from processors.deid.burned_in import Box, cleaner
from processors.deid.errors import SignatureRulesError
from processors.delivery import doors
from processors.delivery.flowfile import Outcome, Reference
from processors.delivery.treat import treat
from processors.delivery.worker import engine, engine_of, work
from tests.unit.deid.burned_in.builders import Knows
from tests.unit.delivery.trusted_home import TrustedHome, ct, reference

LINE = Box(2, 3, 12, 6)
RULES = """
version: 1
rules:
  - name: banner
    when: {Modality: CT, Rows: 16, Columns: 16}
    mask: [{left: 2, top: 3, width: 10, height: 3}]
    complete: true
"""


class Here:
    """Does a worker's jobs in this very process."""

    def run(self, job: dict) -> dict:
        return work(job, engine_of(job))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrustedHome]:
    """A trusted home without a text detector, which has rules for devices."""
    engine.cache_clear()
    monkeypatch.setattr(cleaner, "installed_detector", lambda: None)
    (tmp_path / "devices.yaml").write_text("version: 1\n")
    made = TrustedHome(tmp_path, Here(), site="pixels: {device_rules: devices.yaml}")  # type: ignore[arg-type]
    yield made
    made.close()
    engine.cache_clear()


def capture() -> Dataset:
    return ct(generate_uid(), generate_uid(), ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])


def outcome(home: TrustedHome) -> Outcome:
    """Receive a screen and treat it."""
    home.seal([capture()])
    [entry] = home.route(reference(home.announcer().next(0)))
    return treat(home.place, Reference.read(entry), home.pool)


def sent(home: TrustedHome) -> tuple[Manifest, Dataset]:
    """What is in the package of a screen that was received."""
    with zipfile.ZipFile(outcome(home).attributes["package.path"]) as package:
        manifest = Manifest.model_validate_json(package.read("manifest.json"))
        return manifest, dcmread(io.BytesIO(package.read(manifest.instances[0].member)))


def is_clean(made: Dataset) -> bool:
    masked = made.pixel_array[LINE.top : LINE.bottom, LINE.left : LINE.right]
    codes = {item.CodeValue for item in made.DeidentificationMethodCodeSequence}
    return len(np.unique(masked)) == 1 and "113101" in codes and made.BurnedInAnnotation == "NO"


def test_a_screen_is_withheld_where_nothing_can_look_and_the_code_says_so(home: TrustedHome) -> None:
    assert outcome(home).relationship == "quarantine"
    assert home.rows("SELECT reason FROM shipment_instances") == [("pixels-no-detector",)]


def test_a_screen_whose_device_has_a_complete_rule_passes_and_the_treatment_names_the_rules(home: TrustedHome) -> None:
    (home.root / "devices.yaml").write_text(RULES)
    manifest, made = sent(home)
    assert is_clean(made)
    assert manifest.treatment["text_detector"] == "none"
    assert len(manifest.treatment["device_signatures"]) == 64


def test_a_screen_passes_where_a_detector_looks_and_the_treatment_names_it(home: TrustedHome, monkeypatch) -> None:
    monkeypatch.setattr(cleaner, "installed_detector", lambda: Knows((LINE,)))
    manifest, made = sent(home)
    assert is_clean(made)
    assert manifest.treatment["text_detector"] == "knows"


def test_rules_that_were_written_anew_hold_for_the_next_delivery(home: TrustedHome) -> None:
    assert outcome(home).relationship == "quarantine"
    rules = home.root / "devices.yaml"
    rules.write_text(RULES)
    os.utime(rules, ns=(1, 1))
    assert outcome(home).relationship == "success"


def test_rules_for_devices_that_cannot_be_used_are_told_at_the_door(home: TrustedHome) -> None:
    (home.root / "devices.yaml").write_text("version: 1\nrules: [{name: x, when: {Modality: CT}, mask: 5}]")
    with pytest.raises(SignatureRulesError):
        doors._require_settings(home.root)
