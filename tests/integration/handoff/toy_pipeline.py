"""A small real KFP pipeline that keeps the contract: one step, no torch. Run this file to compile it: FILE."""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def toy(  # noqa: C901 - a component is one function
    batch_uri: str,
    handoff_key: str,
    result_uri: str,
    kind: str,
    model_uri: str,
    seconds: float,
    spoil: str,
    spec: str,
):
    """Write a result of the kind, to a folder or to S3; `spoil` makes it one that must not be believed.

    With `held` it waits for a file `go` beside its result.
    """
    import hashlib
    import json
    import os
    import subprocess
    import sys
    import time
    from pathlib import Path
    from urllib.parse import unquote, urlsplit

    remote = result_uri.startswith("s3://")
    folder = Path(os.environ["HOME"] if remote else unquote(urlsplit(result_uri).path))

    def bucket(uri: str):
        import obstore.store

        parts = urlsplit(uri)
        options = {"allow_http": True}
        return obstore.store.S3Store(parts.netloc, client_options=options), parts.path.strip("/")

    def read(uri: str) -> bytes:
        if not uri.startswith("s3://"):
            return Path(unquote(urlsplit(uri).path)).read_bytes()
        import obstore

        return bytes(obstore.get(*bucket(uri)).bytes())

    def leave(path: str, content: bytes) -> None:
        if remote:
            import obstore

            store, prefix = bucket(result_uri)
            obstore.put(store, f"{prefix}/{path}", content)
            return
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.with_name(f".{file.name}").write_bytes(content)
        file.with_name(f".{file.name}").rename(file)

    with (folder / "ran.txt").open("a") as ran:
        ran.write(f"{os.getpid()}\n")
    print("the step runs")
    (folder / "environment.json").write_text(json.dumps(dict(os.environ)))
    if spoil == "crash":
        sys.exit("crashed on purpose")
    while spoil == "held" and not (folder / "go").exists():
        time.sleep(0.02)
    if spoil == "orphan":
        subprocess.Popen(["sleep", "600"])
    time.sleep(seconds)
    lines = [json.loads(line) for line in read(batch_uri).splitlines()]
    spec_digest = hashlib.sha256(spec.encode()).hexdigest()
    files = []

    def write(path: str, content: bytes, role: str) -> None:
        leave(path, content)
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
    if kind in {"train", "retrain"}:
        assert any(x["kind"] == "volume" for x in lines)
        assert (kind == "retrain") == bool(model_uri and read(model_uri))
        header = json.dumps({"w": {"dtype": "U8", "shape": [7], "data_offsets": [0, 7]}}).encode()
        weights = b"weights" if spoil != "pickle" else b"\x80\x02cposix\nsystem\n(X\x04\x00\x00\x00true\x85R."
        safetensors = len(header).to_bytes(8, "little") + header + weights
        write("model.bin", weights if spoil == "pickle" else safetensors, "model")
        result["model"] = {"name": "toy", "file": "model.bin", "metrics": {"dice": 0.5}}
    if kind == "evaluate":
        result["metrics"] = {"dice_test": 0.75, "model_bytes": float(len(read(model_uri)))}
    if kind == "infer":
        model = read(model_uri)
        weights = model[8 + int.from_bytes(model[:8], "little") :]
        write("segmentations/1.dcm", b"segmentation by " + weights, "segmentation")
    result["files"] = files
    if spoil == "no-result":
        return
    if spoil == "other-key":
        result["handoff_key"] = "0" * 64
    if spoil == "digest":
        leave(files[0]["path"], b"x" * files[0]["size"])
    if spoil == "outside":
        (folder / "link").symlink_to("/etc/hostname")
        files[0]["path"] = "link"
    leave("result.json", json.dumps(result).encode())


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
