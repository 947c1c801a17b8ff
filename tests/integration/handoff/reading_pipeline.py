"""A pipeline that reads all that it may, by ml's own way to files, and tries to reach more. Run this file: FILE."""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def work(batch_uri: str, handoff_key: str, result_uri: str, kind: str, others: str):
    """Write what was read of each instance and each volume, what the environment was, and what was refused."""
    import hashlib
    import json
    import os
    from pathlib import Path
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    import numpy as np
    import zarr

    from ml.datasets.batch import load_batch, read_datasets
    from ml.files import result_folder, volume_store

    def status(method: str, path: str) -> int:
        environment = os.environ
        address = f"{environment['SLUICE_HANDOFF_URL']}/v1/runs/{environment['SLUICE_RUN']}/files/{path}"
        token = Path(environment["SLUICE_RUN_TOKEN_FILE"]).read_text()
        body = b"x" if method == "PUT" else None
        try:
            request = Request(address, body, {"Authorization": f"Bearer {token}"}, method=method)
            with urlopen(request) as answer:
                return answer.status
        except HTTPError as error:
            return error.code

    batch = load_batch(batch_uri)
    read = [hashlib.sha256(dataset.PixelData).hexdigest() for dataset in read_datasets(batch.images)]
    found = {"pixels": sorted(read), "environment": dict(os.environ)}
    found["refused"] = {
        f"{method} {path}": status(method, path) for method in ("GET", "PUT") for path in others.split()
    }
    result = {"schema": "sluice.result/1", "handoff_key": handoff_key, "kind": kind}
    result["spec_digest"] = hashlib.sha256(b"one").hexdigest()
    with result_folder(result_uri) as folder:
        folder.mkdir(exist_ok=True)
        if kind == "prepare":
            series = sorted({(line.patient, line.study, line.series) for line in batch.images})
            result["volumes"] = []
            for number, (patient, study, uid) in enumerate(series):
                place = folder / "volumes" / f"{number}.zarr"
                zarr.create_array(store=str(place), data=np.full((4, 4, 4), 7, dtype="int16"), shards=(4, 4, 4))
                volume = {"uri": f"{result_uri}/volumes/{number}.zarr", "digest": "0" * 64}
                result["volumes"].append({**volume, "patient": patient, "study": study, "series": uid})
        else:
            arrays = [zarr.open_array(store=volume_store(line.uri), mode="r")[:] for line in batch.volumes]
            values = np.stack(arrays).tobytes()
            weights = {"dtype": "U8", "shape": [len(values)], "data_offsets": [0, len(values)]}
            header = json.dumps({"w": weights}).encode()
            (folder / "model.bin").write_bytes(len(header).to_bytes(8, "little") + header + values)
            result["model"] = {"name": "reader", "file": "model.bin", "metrics": {}}
        (folder / "report.json").write_text(json.dumps(found))
    roles = {"model.bin": "model", "report.json": "report"}
    with result_folder(result_uri) as folder:
        result["files"] = [
            {
                "path": str(file.relative_to(folder)),
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "size": file.stat().st_size,
                "role": roles.get(file.name, "volume"),
                "media_type": "application/octet-stream",
            }
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        ]
        (folder / "result.json").write_text(json.dumps(result))


@dsl.pipeline(name="reading-pipeline")
def reading_pipeline(batch_uri: str, handoff_key: str, result_uri: str, kind: str, others: str = ""):
    """One step. The name differs from the component's: kfp would load the component in its place."""
    work(batch_uri=batch_uri, handoff_key=handoff_key, result_uri=result_uri, kind=kind, others=others)


if __name__ == "__main__":
    compiler.Compiler().compile(reading_pipeline, sys.argv[1])
