"""A pipeline of strangers: nothing of sluice is imported, two steps share an artifact, a branch is taken or not.

It prepares: each series becomes a small Zarr volume. Run this file to compile it: FILE.
"""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def find_series(dataset_uri: str, found: dsl.Output[dsl.Dataset]) -> int:
    """Count what there is to convert, and leave the list of it for the next step."""
    import json
    from pathlib import Path
    from urllib.request import urlopen

    with urlopen(dataset_uri) as stream:
        lines = [json.loads(line) for line in stream]
    series = sorted({(x["patient"], x["study"], x["series"]) for x in lines if x["kind"] == "instance"})
    with Path(found.path).open("w") as file:
        json.dump(series, file)
    return len(series)


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def convert(found: dsl.Input[dsl.Dataset], out_uri: str, run_name: str, edge: int):
    """Write a volume of each series, and say what was written."""
    import hashlib
    import json
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    import numpy as np
    import zarr

    folder = Path(unquote(urlsplit(out_uri).path))
    files, volumes = [], []
    with Path(found.path).open() as file:
        series = json.load(file)
    for number, (patient, study, uid) in enumerate(series):
        place = folder / "cubes" / f"{number}.zarr"
        values = np.full((edge, edge, edge), 10 * number, dtype="int16")
        zarr.create_array(store=str(place), data=values)
        for path in sorted(place.rglob("*")):
            if path.is_file():
                content = path.read_bytes()
                facts = {"path": str(path.relative_to(folder)), "sha256": hashlib.sha256(content).hexdigest()}
                facts |= {"size": len(content), "role": "volume", "media_type": "application/octet-stream"}
                files.append(facts)
        digest = hashlib.sha256(values.tobytes()).hexdigest()
        facts = {"uri": f"{out_uri}/cubes/{number}.zarr", "digest": digest}
        volumes.append(facts | {"patient": patient, "study": study, "series": uid})
    result = {"schema": "sluice.result/1", "kind": "prepare", "handoff_key": run_name, "files": files}
    result |= {"spec_digest": hashlib.sha256(b"cubes").hexdigest(), "volumes": volumes}
    (folder / "result.json.new").write_text(json.dumps(result))
    (folder / "result.json.new").rename(folder / "result.json")


@dsl.pipeline(name="cubes-of-strangers")
def cubes(batch_uri: str, handoff_key: str, result_uri: str, edge: int = 4):
    """Find, then convert, if there is anything."""
    finding = find_series(dataset_uri=batch_uri)
    with dsl.If(finding.outputs["Output"] > 0):
        convert(found=finding.outputs["found"], out_uri=result_uri, run_name=handoff_key, edge=edge)


if __name__ == "__main__":
    compiler.Compiler().compile(cubes, sys.argv[1])
