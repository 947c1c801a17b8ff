"""Write the compiled YAML of every graph: `python -m ml.pipelines.compile`."""

from pathlib import Path

from kfp import compiler

from ml.pipelines import graphs

FOLDER = Path(__file__).parent
GRAPHS = {
    "prepare": graphs.prepare,
    "train": graphs.train,
    "retrain": graphs.retrain,
    "evaluate": graphs.evaluate,
    "infer": graphs.infer,
}


def compile_all(folder: Path = FOLDER) -> None:
    """Compile each graph to `<folder>/<name>.yaml`."""
    for name, graph in GRAPHS.items():
        compiler.Compiler().compile(graph, str(folder / f"{name}.yaml"))


if __name__ == "__main__":
    compile_all()
