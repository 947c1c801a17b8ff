"""The committed pipelines' steps with batch, packages, volumes, model and result in a real S3."""

import hashlib
import json

import highdicom as hd
import obstore
import pytest
from obstore.store import S3Store

from handoff.contract.result import Result
from ml import files
from ml.datasets import packages
from ml.datasets.batch import load_batch, read_datasets
from ml.errors import BatchError, PublishedError, StoreError
from ml.recipes.evaluate import evaluate_and_publish
from ml.recipes.infer import predict
from ml.recipes.outcome import publish
from ml.recipes.prepare import make_volumes
from ml.recipes.train import fit
from tests.peers.versitygw import Versitygw
from tests.unit.ml.builders import annotation, ct_series, package, prepared_lines, small_body, write_batch

pytestmark = pytest.mark.integration
KEY = hashlib.sha256(b"a handoff in S3").hexdigest()


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    server = Versitygw(tmp_path_factory.mktemp("s3")).start()
    yield server
    server.stop()


@pytest.fixture(scope="module", autouse=True)
def environment(gateway):
    """What a run's environment says of S3."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in gateway.environment.items():
            patch.setenv(name, value)
        files._bucket.cache_clear()
        yield
        files._bucket.cache_clear()


@pytest.fixture(scope="module")
def bucket(environment, gateway) -> S3Store:
    return files.object_of(f"s3://{gateway.bucket}/x")[0]


@pytest.fixture(scope="module")
def batch_uri(tmp_path_factory, bucket, gateway):
    """One annotated patient a side, its packages in the bucket."""
    folder = tmp_path_factory.mktemp("packages")
    lines = []
    for number, split in ((1, "train"), (2, "test")):
        volume, truth = small_body(number)
        images = ct_series(volume, series=f"1.2.3.{number}", patient=f"P{number}", spacing=(6.0, 5.0, 5.0))
        lines += package(folder / f"images-{number}.zip", images, split)
        drawn = annotation(truth, images, uid=f"1.2.4.{number}")
        lines += package(folder / f"labels-{number}.zip", [drawn], split, [image.SOPInstanceUID for image in images])
    moved = []
    for line in lines:
        name = line.package.rpartition("/")[2]
        moved.append(line.model_copy(update={"package": f"s3://{gateway.bucket}/packages/{name}"}))
    for file in folder.glob("*.zip"):
        obstore.put(bucket, f"packages/{file.name}", file)
    return put_batch(folder / "batch.jsonl", moved, bucket, gateway)


def put_batch(file, lines, bucket, gateway) -> str:
    write_batch(file, lines)
    obstore.put(bucket, f"batches/{file.name}", file)
    return f"s3://{gateway.bucket}/batches/{file.name}"


def content(bucket, key: str) -> bytes:
    return bytes(obstore.get(bucket, key).bytes())


def test_prepare_train_and_infer_read_from_s3_and_leave_their_results_there(tmp_path, batch_uri, bucket, gateway):
    results = {kind: f"s3://{gateway.bucket}/results/{kind}/{KEY}" for kind in ("prepare", "train", "infer")}
    make_volumes(batch_uri, results["prepare"], "ct-body")
    with pytest.raises(FileNotFoundError):
        obstore.head(bucket, f"results/prepare/{KEY}/result.json")
    publish(results["prepare"], KEY)
    prepared = Result.model_validate_json(content(bucket, f"results/prepare/{KEY}/result.json"))
    assert {volume.uri.rpartition("/")[0] for volume in prepared.volumes} == {f"{results['prepare']}/volumes"}

    (tmp_path / "result.json").write_text(prepared.model_dump_json(by_alias=True))
    volumes = prepared_lines(tmp_path, {"P1": "train", "P2": "test"})
    raw = load_batch(batch_uri)
    whole = put_batch(tmp_path / "prepared.jsonl", [*raw.images, *raw.annotations, *volumes], bucket, gateway)
    fit(whole, results["train"], "ct-body", 2, 1)
    evaluate_and_publish(whole, KEY, results["train"], "ct-body")
    predict(whole, KEY, results["infer"], f"{results['train']}/model/unet.pt", "ct-body")
    publish(results["infer"], KEY)
    with pytest.raises(PublishedError):
        make_volumes(batch_uri, results["prepare"], "ct-body")

    for kind in results:
        result = Result.model_validate_json(content(bucket, f"results/{kind}/{KEY}/result.json"))
        assert result.files
        for file in result.files:
            data = content(bucket, f"results/{kind}/{KEY}/{file.path}")
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (file.sha256, file.size)
    found = [file for file in result.files if file.role == "segmentation"]
    (tmp_path / "seg.dcm").write_bytes(content(bucket, f"results/infer/{KEY}/{found[0].path}"))
    assert hd.seg.segread(tmp_path / "seg.dcm").PatientID in {"P1", "P2"}


def work_while_another_run_ends(bucket, gateway, name: str) -> None:
    with files.result_folder(f"s3://{gateway.bucket}/{name}") as folder:
        obstore.put(bucket, f"{name}/result.json", b"of the run that was quicker")
        (folder / "report.json").write_text("{}")


def test_a_second_run_that_ends_later_uploads_nothing(bucket, gateway):
    name = f"results/late/{KEY}"
    with pytest.raises(PublishedError):
        work_while_another_run_ends(bucket, gateway, name)
    assert [entry["path"] for entry in obstore.list(bucket, name).collect()] == [f"{name}/result.json"]


def test_a_few_members_of_a_package_are_read_without_the_rest(batch_uri, monkeypatch):
    """One request for the directory, then one for each run of neighbours, of no more bytes than they have."""
    lines = [line for line in load_batch(batch_uri).images if line.patient == "P1"]
    asked = []
    original = obstore.get_range
    monkeypatch.setattr(packages, "_GAP", 0)
    monkeypatch.setattr(packages, "_TAIL", 4096)
    packages._directory.cache_clear()

    def counting(store, key, *, start, end):
        asked.append(end - start)
        return original(store, key, start=start, end=end)

    monkeypatch.setattr(packages.obstore, "get_range", counting)
    assert len(list(read_datasets(lines[:1]))) == 1
    few = sum(asked)
    assert len(list(read_datasets(lines))) == len(lines)
    assert few < sum(asked) / 3
    assert len(asked) <= 5


def test_what_is_not_there_and_what_does_not_answer_are_told_apart_without_a_key(batch_uri, gateway, monkeypatch):
    with pytest.raises(BatchError):
        load_batch(f"{batch_uri}.absent")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong-secret")
    files._bucket.cache_clear()
    with pytest.raises(StoreError) as error:
        load_batch(batch_uri)
    files._bucket.cache_clear()
    assert gateway.access_key not in str(error.value) + json.dumps(error.value.args)
    assert error.value.__suppress_context__
