"""Let kfp run a compiled pipeline here: `python -m handoff.backends.kfp_local_steps FOLDER`."""

import json
import sys
from pathlib import Path

PIPELINE = "pipeline.yaml"
ARTIFACTS = "artifacts"


def main(folder: Path) -> None:
    """Run the pipeline of the folder with its inputs; an exception of kfp is a failed run."""
    from kfp import components, local

    inputs = json.loads((folder / "run.json").read_text("utf-8"))["inputs"]
    local.init(
        runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / ARTIFACTS), raise_on_error=True
    )
    components.load_component_from_file(str(folder / PIPELINE))(**inputs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
