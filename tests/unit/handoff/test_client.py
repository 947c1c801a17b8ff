"""What the client asks for, whatever it is given as an id or a name."""

import ast
from pathlib import Path

import httpx
import pytest

import handoff.client
from handoff.client import HandoffClient
from handoff.client.place import UnfitNameError, at

SOURCES = sorted(Path(handoff.client.__file__).parent.glob("*.py"))


@pytest.fixture
def asked(monkeypatch):
    """The paths that were asked for, as they were sent."""
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.raw_path.decode())
        return httpx.Response(404, json={"code": "not-found"})

    class Client(httpx.Client):
        def __init__(self, **options: object) -> None:
            super().__init__(transport=httpx.MockTransport(answer), base_url=str(options["base_url"]))

    monkeypatch.setattr("handoff.client.connection.httpx.Client", Client)
    return paths


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/", "../../projects"])
def test_what_is_no_step_of_a_path_is_refused_before_anything_is_asked(asked, name):
    with HandoffClient("http://x", "t") as client, pytest.raises(UnfitNameError) as refused:
        client.project(name)
    assert asked == []
    assert name not in str(refused.value) or not name.strip("./")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("lungs", "/v1/projects/lungs"),
        ("a?state=open", "/v1/projects/a%3Fstate%3Dopen"),
        ("a#b", "/v1/projects/a%23b"),
        ("a%2Fb", "/v1/projects/a%252Fb"),
        ("a b", "/v1/projects/a%20b"),
        ("Lügde", "/v1/projects/L%C3%BCgde"),
    ],
)
def test_what_a_path_would_read_otherwise_is_quoted(asked, name, path):
    with HandoffClient("http://x", "t") as client, pytest.raises(handoff.client.ProblemError):
        client.project(name)
    assert asked == [path]


def test_a_file_below_a_thing_keeps_its_slashes_and_leads_nowhere_else(asked):
    assert at("/v1/results/{}/files", "a", below="volumes/x y.zarr/0") == "/v1/results/a/files/volumes/x%20y.zarr/0"
    for path in ("", "/etc/passwd", "a//b", "a/../b", "a/"):
        with pytest.raises(UnfitNameError):
            at("/v1/results/{}/files", "a", below=path)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.stem)
def test_no_part_of_the_client_writes_a_path_by_hand(source):
    written = [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source.read_text("utf-8")))
        if isinstance(node, ast.JoinedStr) and "/v1/" in ast.unparse(node)
    ]
    assert written == []
