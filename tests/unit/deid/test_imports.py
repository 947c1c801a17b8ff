"""The engine runs inside a NAR: it needs what the NAR brings, and nothing else."""

import subprocess
import sys

ALLOWED = {"pydicom", "numpy", "cryptography", "pydantic", "pydantic_core", "yaml", "processors"}
PROBE = """
import sys
import processors.deid, processors.deid.folder, processors.deid.explain, processors.vault
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_engine_and_vault_import_nothing_beyond_the_nars_dependencies():
    found = subprocess.run(
        [sys.executable, "-I", "-c", PROBE], check=True, capture_output=True, text=True
    ).stdout.split()
    for heavy in ("highdicom", "torch", "rich", "click", "pynetdicom", "kfp", "zarr", "sqlalchemy", "fastapi"):
        assert heavy not in found
    assert set(found) >= ALLOWED
