"""The extra `ocr` in a folder of its own, as NiFi's workers find it: `pixels.detector_packages` of a site.

The worker here has nothing on its path but this repository, what the processors' archive brings, and that folder.
"""

import json
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from processors.deid.keys import KeyFile
from tests.unit.deid.burned_in import test_real_detector

pytestmark = test_real_detector.pytestmark

REPOSITORY = Path(__file__).parents[4]
WORKER = """
import json, sys
from pathlib import Path
from processors.delivery.worker import engine_of
pixels = engine_of(json.loads(sys.argv[1])).pixels
print(pixels.facts["text_detector"].split(" ")[0], repr(pixels.clean(Path(sys.argv[2]).read_bytes()))[:36])
"""


@pytest.fixture(scope="module")
def bundled(tmp_path_factory) -> Path:
    return installed("nar", tmp_path_factory.mktemp("bundled"))


def installed(lock: str, target: Path) -> Path:
    """What `pip install --target` makes of a lock, as links to what is installed here already."""
    lines = (REPOSITORY / "requirements" / f"{lock}.lock").read_text("utf-8").splitlines()
    for name in {line.split("==")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}:
        try:
            found = distribution(name)
        except PackageNotFoundError:  # for another platform
            continue
        for top in {file.parts[0] for file in found.files or () if file.parts[0] not in ("..", "__pycache__")}:
            link = target / top
            if not link.exists():
                link.symlink_to(Path(str(found.locate_file(top))))
    return target


def looked(bundled: Path, home: Path, folder: Path | None) -> str:
    """What a worker says of a capture with two lines."""
    KeyFile.create(home / "site.key")
    capture = home / "sc.dcm"
    capture.write_bytes(test_real_detector.small_capture().part10)
    job = {"profile": "research-default", "project": "test", "key_file": str(home / "site.key"), "treatment": {}}
    if folder is not None:
        job["pixels"] = {"detector_packages": str(folder)}
    command = [sys.executable, "-S", "-c", WORKER, json.dumps(job), str(capture)]
    paths = {"PYTHONPATH": f"{REPOSITORY}:{bundled}", "PATH": ""}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=paths).stdout.strip()


def test_a_worker_looks_with_what_is_in_the_folder(bundled, tmp_path):
    assert looked(bundled, tmp_path, installed("ocr", tmp_path)).startswith("rapidocr Cleaned(")


def test_without_the_folder_a_worker_withholds_what_may_show_text(bundled, tmp_path):
    assert looked(bundled, tmp_path, None) == "none Quarantined('pixels-no-detector')"
