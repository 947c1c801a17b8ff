"""The lock, and downloads that only count once they are verified."""

import hashlib
from pathlib import Path

import pytest

from nifi.distribution.artifact import Artifact, Lock, read_lock, read_registry_lock
from nifi.distribution.download import download
from nifi.errors import DownloadError, LockError, WrongHashError

CONTENT = {"one": b"first" * 1000, "two": b"second" * 1000}


def lock_of(contents: dict[str, bytes]) -> Lock:
    artifacts = tuple(
        Artifact("org.example", name, "1", "jar", "", len(data), hashlib.sha256(data).hexdigest(), "lib")
        for name, data in contents.items()
    )
    return Lock("0", artifacts, "d" * 64)


class Repository:
    """A Maven repository in memory that counts what it is asked for."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents, self.asked = contents, []

    def __call__(self, artifact: Artifact, folder: Path, arrived) -> Path:
        self.asked.append(artifact.name)
        if artifact.name not in self.contents:
            raise DownloadError("gone")
        folder.mkdir(parents=True)
        file = folder / artifact.filename
        file.write_bytes(self.contents[artifact.name])
        arrived(file.stat().st_size)
        return file


def test_the_committed_lock_names_every_file_once_with_a_hash_and_no_host():
    lock = read_lock()
    assert lock.version == "2.3.0"
    assert {len(bytes.fromhex(artifact.sha256)) for artifact in lock.artifacts} == {32}
    assert len({artifact.path for artifact in lock.artifacts}) == len(lock.artifacts) == 165
    assert "://" not in (Path("nifi/distribution/artifacts.yaml")).read_text("utf-8")


def test_the_registry_has_a_lock_of_its_own_with_all_three_wars():
    lock = read_registry_lock()
    assert (lock.product, lock.version, len(lock.artifacts)) == ("Apache NiFi Registry", "0.8.0", 51)
    assert {artifact.name for artifact in lock.artifacts if artifact.packaging == "war"} == {
        f"nifi-registry-web-{part}" for part in ("api", "ui", "docs")
    }
    assert lock.folder.startswith("nifi-registry-0.8.0-")


def test_downloaded_files_are_laid_out_like_a_maven_repository(tmp_path):
    download(lock_of(CONTENT), tmp_path, fetch=Repository(CONTENT))
    assert (tmp_path / "org/example/one/1/one-1.jar").read_bytes() == CONTENT["one"]
    assert [path.name for path in tmp_path.iterdir()] == ["org"], "no scratch folder is left"


def test_a_file_with_another_hash_never_reaches_the_store(tmp_path):
    tampered = Repository({**CONTENT, "two": b"evil"})
    with pytest.raises(WrongHashError, match=r"two-1.jar has SHA-256 .* the lock says"):
        download(lock_of(CONTENT), tmp_path, fetch=tampered)
    assert not (tmp_path / "org/example/two").exists()
    assert tampered.asked.count("two") == 3, "a cut connection looks the same, so it is tried again"


def test_finished_files_are_kept_when_another_fails_and_not_fetched_again(tmp_path):
    with pytest.raises(DownloadError):
        download(lock_of(CONTENT), tmp_path, fetch=Repository({"one": CONTENT["one"]}))
    second = Repository(CONTENT)
    download(lock_of(CONTENT), tmp_path, fetch=second)
    assert second.asked == ["two"]


def test_a_stored_file_that_was_tampered_with_is_fetched_anew(tmp_path):
    download(lock_of(CONTENT), tmp_path, fetch=Repository(CONTENT))
    (tmp_path / "org/example/one/1/one-1.jar").write_bytes(b"tampered")
    repository = Repository(CONTENT)
    download(lock_of(CONTENT), tmp_path, fetch=repository)
    assert repository.asked == ["one"]
    assert (tmp_path / "org/example/one/1/one-1.jar").read_bytes() == CONTENT["one"]


def test_progress_tells_bytes_of_what_is_missing_alone(tmp_path):
    heard = []
    download(lock_of(CONTENT), tmp_path, lambda what, done=0, total=0: heard.append((done, total)), Repository(CONTENT))
    assert heard[-1] == (11000, 11000)  # 5 x 1000 + 6 x 1000


EMPTY = "python: []\npython-api: []\nstandard-nar: []"


@pytest.mark.parametrize(
    "text",
    [
        "version: [",
        "product: x\nversion: 1",
        f"product: x\nversion: 1\nlib: [{{artifact: 'a:b:1:jar', bytes: 1, sha256: zz}}]\n{EMPTY}",
        f"product: x\nversion: 1\nlib: [{{artifact: 'a:b', bytes: 1, sha256: ''}}]\n{EMPTY}",
    ],
    ids=["no YAML", "no artifacts", "no hash", "no coordinates"],
)
def test_a_lock_that_cannot_be_used_is_refused_with_a_remedy(text):
    with pytest.raises(LockError) as caught:
        read_lock(text)
    assert caught.value.remedy
