"""A head written once for many tests, and a profile that removes faces."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from processors.deid import Profile
from processors.deid.faces import Outcome, deface
from tests.unit.deid.faces.phantom import Scan

COARSE = (5.0, 4.0, 4.0)
PROFILE = {"extends": "research-default", "name": "without-faces", "version": 1, "clean": {"visual_features": True}}


def profile(folder: Path, **more: object) -> Profile:
    file = folder / "without-faces.yaml"
    file.write_text(yaml.safe_dump(PROFILE | more))
    return Profile.load(file)


@dataclass(frozen=True)
class Written:
    labels: dict
    folder: Path

    def deface(self, out: Path) -> Outcome:
        out.mkdir(exist_ok=True)
        return deface(list(self.labels), out)


def written(folder: Path, **scan) -> Written:
    return Written(Scan(**{"spacing": COARSE} | scan).write(folder), folder)
