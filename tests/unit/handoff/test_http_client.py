"""What of a site's settings keeps a call from being made: said by its code, and no reason for a process to end."""

import pytest

from handoff.backends.interface import Answer, BackendError
from handoff.backends.kserve import KServe
from handoff.home import ResearchHome
from handoff.mirrors.deliver import Deliverer
from handoff.mirrors.interface import MirrorAwayError
from handoff.mirrors.mlflow_api import MlflowApi
from handoff.mirrors.settings import MlflowMirror
from handoff.mirrors.tell_mlflow import MlflowTeller
from handoff.service import Service
from handoff.settings import Settings
from handoff.targets import ServedModelTarget

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def wrong(tmp_path):
    """Settings that cannot be used, and the code of each."""
    (tmp_path / "token").write_text("clé\n")
    (tmp_path / "lines").write_text("one\ntwo\n")
    (tmp_path / "ca.pem").write_text("none\n")
    return [
        ("token-unreadable", NOBODY, {"token_file": tmp_path / "nowhere"}),
        ("token-unreadable", NOBODY, {"token_file": tmp_path / "token"}),
        ("token-unreadable", NOBODY, {"token_file": tmp_path / "lines"}),
        ("ca-file-unreadable", NOBODY, {"ca_file": tmp_path / "nowhere.pem"}),
        ("ca-file-unreadable", NOBODY, {"ca_file": tmp_path / "ca.pem"}),
        ("url-invalid", "http://mlflow.example:port", {}),
    ]


def test_a_mirror_waits_for_its_settings_to_be_mended(wrong):
    for code, url, files in wrong:
        api = MlflowApi(MlflowMirror.model_validate({"tracking_uri": url, **files}))
        with pytest.raises(MirrorAwayError) as error:
            api.get("experiments/get-by-name", experiment_name="x")
        assert error.value.code == code


def test_a_worker_starts_beside_a_mirror_whose_authority_is_missing(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    mirror = MlflowMirror.model_validate({"tracking_uri": NOBODY, "ca_file": tmp_path / "nowhere.pem"})
    deliverer = Deliverer(MlflowTeller(mirror), service.home, service.database)
    deliverer.start()
    deliverer.stop()
    service.database.close()


def test_a_served_model_is_not_ready_until_its_settings_are_mended(tmp_path, wrong):
    for code, url, files in wrong:
        target = ServedModelTarget.model_validate({"backend": "kserve", "url": url, "model": "unet:1", **files})
        backend = KServe(ResearchHome.of(tmp_path), target)
        found = backend.probe()
        assert (found.ok, found.problem, found.passing) == (False, code, True)
        with pytest.raises(BackendError) as error:
            backend.status("a" * 64)
        assert error.value.answer is Answer.UNAVAILABLE
