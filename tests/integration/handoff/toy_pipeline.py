"""A small real KFP pipeline that keeps the contract: one step, no torch. Run this file to compile it: FILE."""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def toy(
    batch_uri: str,
    handoff_key: str,
    result_uri: str,
    kind: str,
    model_uri: str,
    seconds: float,
    spoil: str,
    spec: str,
):
    """Write a result of the kind; `spoil` makes it one that must not be believed."""
    import hashlib
    import json
    import os
    import subprocess
    import sys
    import time
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    folder = Path(unquote(urlsplit(result_uri).path))
    with (folder / "ran.txt").open("a") as ran:
        ran.write(f"{os.getpid()}\n")
    print("the step runs")
    (folder / "environment.json").write_text(json.dumps(dict(os.environ)))
    if spoil == "crash":
        sys.exit("crashed on purpose")
    if spoil == "orphan":
        subprocess.Popen(["sleep", "600"])
    time.sleep(seconds)
    lines = [json.loads(line) for line in Path(unquote(urlsplit(batch_uri).path)).read_text().splitlines()]
    spec_digest = hashlib.sha256(spec.encode()).hexdigest()
    files = []

    def write(path: str, content: bytes, role: str) -> None:
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        files.append(
            {
                "path": path,
                "sha256": sha256,
                "size": len(content),
                "role": role,
                "media_type": "application/octet-stream",
            }
        )

    result = {"schema": "sluice.result/1", "handoff_key": handoff_key, "kind": kind, "spec_digest": spec_digest}
    if kind == "prepare":
        series = sorted({(x["patient"], x["study"], x["series"]) for x in lines if not x["annotation"]})
        volumes = []
        for number, (patient, study, uid) in enumerate(series):
            write(f"volumes/{number}.zarr/zarr.json", uid.encode(), "volume")
            uri = f"{result_uri}/volumes/{number}.zarr"
            digest = hashlib.sha256(uid.encode()).hexdigest()
            volumes.append({"uri": uri, "digest": digest, "patient": patient, "study": study, "series": uid})
        result["volumes"] = volumes
    if kind == "train":
        assert any(x["kind"] == "volume" for x in lines)
        write("model.bin", b"weights", "model")
        result["model"] = {"name": "toy", "file": "model.bin", "metrics": {"dice": 0.5}}
    if kind == "infer":
        weights = Path(unquote(urlsplit(model_uri).path)).read_bytes()
        write("segmentations/1.dcm", b"segmentation by " + weights, "segmentation")
    result["files"] = files
    if spoil == "no-result":
        return
    if spoil == "other-key":
        result["handoff_key"] = "0" * 64
    if spoil == "digest":
        (folder / files[0]["path"]).write_bytes(b"x" * files[0]["size"])
    if spoil == "outside":
        (folder / "link").symlink_to("/etc/hostname")
        files[0]["path"] = "link"
    (folder / ".result").write_text(json.dumps(result))
    (folder / ".result").rename(folder / "result.json")


@dsl.pipeline(name="toy-pipeline")
def toy_pipeline(
    batch_uri: str,
    handoff_key: str,
    result_uri: str,
    kind: str,
    model_uri: str = "",
    seconds: float = 0.0,
    spoil: str = "",
    spec: str = "one",
):
    """One step. The name differs from the component's: kfp would load the component in its place."""
    toy(
        batch_uri=batch_uri,
        handoff_key=handoff_key,
        result_uri=result_uri,
        kind=kind,
        model_uri=model_uri,
        seconds=seconds,
        spoil=spoil,
        spec=spec,
    )


if __name__ == "__main__":
    compiler.Compiler().compile(toy_pipeline, sys.argv[1])
