"""What a model server is started with, the folders it keeps to, and what it remembers of a run."""

import hashlib
import subprocess
import sys
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from ml.errors import ModelError, SpecError
from ml.models.checkpoint import save_model
from ml.models.unet import UNet3D, UNetShape
from ml.preprocessing.spec import Spec, load_spec
from ml.serving.commands import serve_model
from ml.serving.errors import OutsideError, ServingError
from ml.serving.record import Ended, Order, Record, unfinished
from ml.serving.roots import Roots
from ml.serving.runs import Limits, Runs, Seen
from ml.serving.served_model import load_served

KEY = "a" * 64


@pytest.fixture
def checkpoint(tmp_path):
    def make(spec: Spec | None = None):
        file = tmp_path / "model.pt"
        save_model(file, UNet3D(UNetShape((8, 8))), spec or load_spec(), 0.5)
        return file, hashlib.sha256(file.read_bytes()).hexdigest()

    return make


def test_a_model_is_loaded_by_its_digest_and_says_what_it_is(checkpoint):
    file, sha256 = checkpoint()
    served = load_served("unet:3", file, sha256, "ct-body")
    assert (served.name, served.version) == ("unet", "3")
    assert served.card()["spec_digest"] == load_spec().digest


@pytest.mark.parametrize(
    ("identifier", "digest", "spec", "error", "says"),
    [
        ("unet:1", "0" * 64, "ct-body", ModelError, "its digest differs"),
        ("unet", None, "ct-body", ModelError, "name:version"),
        ("unet:1", None, "ct-nothing", SpecError, "no preprocessing spec"),
    ],
)
def test_another_model_than_was_meant_is_refused(checkpoint, identifier, digest, spec, error, says):
    file, sha256 = checkpoint()
    with pytest.raises(error, match=says):
        load_served(identifier, file, digest or sha256, spec)


def test_a_model_of_another_spec_is_refused(checkpoint):
    file, sha256 = checkpoint(Spec(name="other"))
    with pytest.raises(ModelError, match="another spec"):
        load_served("unet:1", file, sha256, "ct-body")


@pytest.fixture
def roots(tmp_path):
    for name in ("store", "results", "elsewhere"):
        (tmp_path / name).mkdir()
    return Roots.of(tmp_path / "store", tmp_path / "results")


@pytest.mark.parametrize("way", ["../elsewhere/b", "link/b", "%2e%2e/elsewhere/b"])
def test_a_batch_outside_the_store_is_refused_by_whatever_way(roots, way):
    (roots.store / "link").symlink_to(roots.store.parent / "elsewhere")
    with pytest.raises(OutsideError):
        roots.batch(f"{roots.store.as_uri()}/{way}")


def test_a_result_lies_directly_below_the_results_under_its_key(roots):
    assert roots.result((roots.results / KEY).as_uri() + "/", KEY) == roots.results / KEY
    for other in (roots.results / "b" / KEY, roots.results / ("b" * 64), roots.store / KEY):
        with pytest.raises(OutsideError):
            roots.result(other.as_uri(), KEY)
    (roots.results / KEY).symlink_to(roots.store)
    with pytest.raises(OutsideError):
        roots.result((roots.results / KEY).as_uri(), KEY)


@pytest.mark.parametrize("text", ["", "A" * 64, "a" * 63, "../" + "a" * 61])
def test_what_is_no_key_names_no_run(roots, text):
    with pytest.raises(ServingError, match="SHA-256"):
        roots.key(text)


def test_a_run_is_held_by_one_at_a_time_and_ends_once(tmp_path):
    record = Record.of(tmp_path, KEY)
    order = Order(KEY, "file:///b", "file:///r", "0" * 64)
    assert record.order() is None
    assert record.accept(order) == order
    assert record.accept(Order(KEY, "file:///other", "file:///r", "0" * 64)) == order
    assert unfinished(tmp_path) == [KEY]
    held = record.hold()
    assert held is not None
    assert record.hold() is None
    held.close()
    assert [record.end(Ended("canceled", "asked")), record.end(Ended("succeeded"))] == [True, False]
    assert record.ended() == Ended("canceled", "asked")
    assert unfinished(tmp_path) == []


def test_a_beginning_that_was_interrupted_in_order_does_not_count_against_the_run(tmp_path):
    record = Record.of(tmp_path, KEY)
    record.accept(Order(KEY, "file:///b", "file:///r", "0" * 64))
    assert record.begin() == 1
    record.interrupted()
    assert record.begin() == 1
    assert (record.begin(), record.attempts()) == (2, 3)


def test_an_address_that_others_reach_needs_a_token():
    options = ["--model", "unet:1", "--file", "x", "--sha256", "0" * 64, "--host", "0.0.0.0"]
    done = CliRunner().invoke(serve_model, options)
    assert (done.exit_code, "--token-file" in done.output) == (2, True)


def test_the_command_loads_torch_and_kserve_only_to_serve():
    code = "import sys, ml.serving.commands; sys.exit('kserve' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_run_of_another_model_waits_for_its_own_server_and_says_so(tmp_path):
    """A server was started again with another model on the same folders."""
    for name in ("store", "results"):
        (tmp_path / name).mkdir()
    roots = Roots.of(tmp_path / "store", tmp_path / "results")
    runs = Runs(SimpleNamespace(sha256="b" * 64), roots, Limits())
    Record.of(roots.results, KEY).accept(Order(KEY, "file:///a", "file:///b", "a" * 64))
    assert runs.look(KEY) == Seen("waiting", "other-model", 0)
    assert runs.resume() == 0
    held = Record.of(roots.results, KEY).hold()  # nobody has it
    assert held is not None
    held.close()
    assert runs.close(0)
