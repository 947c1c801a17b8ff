"""The home of one demo run: fresh each time, so that nothing of an earlier run can make this one look well."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from processors.deid.keys import KeyFile
from processors.site import Site

PROJECT = "chest"
"""The demo's one project."""

CALLED_AE = "SLUICE"

QUIET_SECONDS = 3
"""How long the handoff waits after a clean release before it calls a study complete."""

SITE = """\
# The site of one demo run; every key is optional.
name: Demo hospital
time_zone: UTC
reserve_mb: 256
"""

RULES = f"""\
# Asked in this order; the first rule that holds decides. What no rule names is kept and reported as unmatched.
version: 1
rules:
  - name: images-and-annotations
    when:
      modality: [CT, MR, PT, SEG, RTSTRUCT, US, CR, OT]
    ship:
      - project: {PROJECT}
"""

HANDOFF = f"""\
# The research side of one demo run.
rules:
  quiet_seconds: {QUIET_SECONDS}
"""


@dataclass(frozen=True, slots=True)
class RunHome:
    """Where one run keeps everything; `--home` of every other command may be this folder."""

    root: Path

    @property
    def trusted(self) -> Path:
        """The hospital's side."""
        return self.root / "trusted"

    @property
    def research(self) -> Path:
        """The handoff's side."""
        return self.root / "research"

    @property
    def nifi(self) -> Path:
        """What NiFi keeps."""
        return self.root / "nifi"

    @property
    def modality(self) -> Path:
        """What the senders have: files to send and their logs."""
        return self.root / "modality"

    @property
    def logs(self) -> Path:
        """Logs of the demo's own processes."""
        return self.root / "logs"

    @property
    def site(self) -> Site:
        """The trusted side's settings."""
        return Site.load(self.trusted)

    def drop_programs(self) -> None:
        """Remove what NiFi and its Registry unpacked of their programs, half a gigabyte; what they kept stays."""
        for folder in ("nifi/work", "nifi/nar_repository", "registry/work"):
            shutil.rmtree(self.root / folder, ignore_errors=True)


def make_run_home(home: Path) -> RunHome:
    """Make `home/demo-…` with a key, rules and settings; never touches what is there."""
    home.mkdir(parents=True, exist_ok=True)
    run = RunHome(Path(tempfile.mkdtemp(prefix="demo-", dir=home)).resolve())
    for folder in (run.trusted, run.research, run.nifi, run.modality, run.logs):
        folder.mkdir(mode=0o700)
    (run.trusted / "sluice.yaml").write_text(SITE)
    (run.trusted / "rules.yaml").write_text(RULES)
    (run.research / "handoff.yaml").write_text(HANDOFF)
    KeyFile.create(run.site.key_file)
    return run
