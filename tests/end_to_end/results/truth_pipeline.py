"""A small real KFP pipeline whose inference knows the truth: it writes the annotation again, as a model would a SEG.

Run this file to compile it: FILE. `spoil` makes the SEG one that must not go back; `take` only makes another run of it.
"""

import sys

from kfp import compiler, dsl


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def truth(  # noqa: C901 - kfp takes one function, with everything in it
    batch_uri: str, handoff_key: str, result_uri: str, kind: str, model_uri: str, take: str, spoil: str
):
    """Write a result of the kind; volumes and model are stand-ins, the SEG is what `ml.inference` writes."""
    import hashlib
    import json
    from pathlib import Path

    import numpy as np

    from handoff.contract.batch import InstanceLine
    from ml.datasets.batch import load_batch, read_datasets
    from ml.files import path_of
    from ml.inference.segmentation import part10_bytes, segmentation_of

    folder = path_of(result_uri)
    spec_digest = hashlib.sha256(b"no spec").hexdigest()
    files = []

    def write(path: str, content: bytes, role: str) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        found = {"path": path, "sha256": sha256, "size": len(content), "role": role}
        files.append({**found, "media_type": "application/dicom"})

    def infer(images: list[InstanceLine], drawn: list[InstanceLine]) -> None:
        """One SEG a series, with the frames of the annotation that refers to it."""
        sources = sorted(read_datasets(images), key=lambda source: float(source.ImagePositionPatient[2]))
        places = {str(source.SOPInstanceUID): index for index, source in enumerate(sources)}
        mask = np.zeros((len(sources), sources[0].Rows, sources[0].Columns), bool)
        for annotation in read_datasets(drawn):
            frames = annotation.pixel_array.reshape(-1, annotation.Rows, annotation.Columns)
            for frame, groups in zip(frames, annotation.PerFrameFunctionalGroupsSequence, strict=True):
                source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
                if source in places:
                    mask[places[source]] |= frame > 0
        made = segmentation_of(mask, sources, handoff_key, "truth")
        if spoil == "stranger":
            for element in made.iterall():
                if element.keyword == "ReferencedSOPInstanceUID":
                    element.value = "2.25.4711"
        if spoil == "known":
            made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = sources[0].SOPInstanceUID
        write(f"segmentations/{images[0].series[-12:]}.dcm", part10_bytes(made), "segmentation")

    result = {"schema": "sluice.result/1", "handoff_key": handoff_key, "kind": kind, "spec_digest": spec_digest}
    batch = load_batch(batch_uri)
    series = {}
    for line in batch.images:
        series.setdefault((line.patient, line.study, line.series), []).append(line)
    if kind == "prepare":
        volumes = []
        for number, (patient, study, uid) in enumerate(sorted(series)):
            write(f"volumes/{number}.zarr/zarr.json", uid.encode(), "volume")
            digest = hashlib.sha256(uid.encode()).hexdigest()
            where = f"{result_uri}/volumes/{number}.zarr"
            volumes.append({"uri": where, "digest": digest, "patient": patient, "study": study, "series": uid})
        result["volumes"] = volumes
    if kind == "train":
        header = json.dumps({"truth": {"dtype": "U8", "shape": [15], "data_offsets": [0, 15]}}).encode()
        write("model.bin", len(header).to_bytes(8, "little") + header + b"knows the truth", "model")
        result["model"] = {"name": "truth", "file": "model.bin", "metrics": {"dice": 1.0}}
    if kind == "infer":
        for images in series.values():
            infer(images, [line for line in batch.annotations if line.study == images[0].study])
    result["files"] = files
    part = Path(folder / ".result.json")
    part.write_text(json.dumps(result))
    part.rename(folder / "result.json")


@dsl.pipeline(name="truth-pipeline")
def truth_pipeline(
    batch_uri: str, handoff_key: str, result_uri: str, kind: str, model_uri: str = "", take: str = "", spoil: str = ""
):
    """One step."""
    truth(
        batch_uri=batch_uri,
        handoff_key=handoff_key,
        result_uri=result_uri,
        kind=kind,
        model_uri=model_uri,
        take=take,
        spoil=spoil,
    )


if __name__ == "__main__":
    compiler.Compiler().compile(truth_pipeline, sys.argv[1])
