"""Runs one committed pipeline by kfp's subprocess runner: `python pipeline_process.py YAML ROOT ARGUMENTS(json)`."""

import json
import sys
import warnings

# kfp 2.17 and its dependencies warn about each other at import; nothing of ours.
warnings.simplefilter("ignore")

from kfp import components, local  # noqa: E402


def main() -> None:
    yaml, root, arguments = sys.argv[1:]
    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root)
    components.load_component_from_file(yaml)(**json.loads(arguments))


if __name__ == "__main__":
    main()
