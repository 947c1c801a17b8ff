"""What a request that is not understood is told, by the API and in the terminal."""

import pytest

from handoff.client import ProblemError
from handoff.client.connection import checked
from handoff.service import Service
from handoff.settings import Settings
from tests.unit.handoff.asking import Asking

SECRET = "geheimnis"
DECISION = {"kind": "prepare", "batch": "b" * 64, "pipeline": "p"}


@pytest.fixture
def asking(tmp_path):
    service = Service.open(Settings.load(tmp_path))
    yield Asking(service)
    service.database.close()


@pytest.mark.parametrize(
    ("body", "place", "expected"),
    [
        ({**DECISION, "batch": SECRET}, "body.batch", "String should match pattern '^[0-9a-f]{64}$'"),
        ({**DECISION, "kind": SECRET}, "body.kind", "Input should be 'prepare', 'train'"),
        ({"kind": "prepare", "pipeline": "p"}, "body.batch", "Field required"),
        ({**DECISION, "speed": SECRET}, "body.speed", "Extra inputs are not permitted"),
        ({**DECISION, "parameters": SECRET}, "body.parameters", "Input should be a valid dictionary"),
    ],
    ids=["form", "word", "missing", "unknown", "type"],
)
def test_each_place_says_what_may_be_there_and_not_what_was(asking, body, place, expected):
    answer = asking.ask("POST", "/v1/handoffs", body)
    said = answer.json()
    assert (answer.status_code, said["code"], said["places"]) == (422, "not-understood", [place])
    assert said["expected"][0].startswith(expected)
    assert SECRET not in answer.text
    with pytest.raises(ProblemError, match=f"{place}: ") as refused:
        checked(answer)
    assert expected in str(refused.value)
    assert refused.value.remedy == "Mend what is named, and send it again."


def test_a_handoff_of_before_that_says_only_the_place_is_understood():
    assert "(422" not in str(ProblemError(422, "c", "t", "r", places=("body.a", "body.b")))
    assert str(ProblemError(422, "c", "t", "r", places=("body.a", "body.b"))) == "422 c: t body.a; body.b."
