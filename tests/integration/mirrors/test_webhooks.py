"""Subscribers are told of results and promotions, in order, signed; what is told again is known again."""

import base64
import json
import time

import pytest

from handoff.contract.webhook import TOLERANCE_SECONDS, SignatureError, WebhookMessage, read_secret, sign, verify
from handoff.handoffs.states import State
from handoff.mirrors.settings import Webhook
from handoff.mirrors.tell_webhook import WebhookTeller
from tests.http_sink import HttpSink
from tests.integration.mirrors.told import BATCH, Told
from tests.waiting import wait_for

pytestmark = pytest.mark.integration
SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"


@pytest.fixture
def told(tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    with Told(tmp_path, "http://127.0.0.1:1") as told:
        yield told


def subscriber(told: Told, url: str, **settings) -> WebhookTeller:
    named = {"url": url, "secret_file": told.home.root.parent / "secret", "http_timeout_seconds": 5}
    return WebhookTeller("ops", Webhook.model_validate({**named, **settings}))


def messages(sink: HttpSink) -> list[WebhookMessage]:
    """What a receiver believes: verified, and each id once."""
    seen = {}
    for post in sink.taken:
        message_id = verify(post["headers"], post["body"], [read_secret(SECRET)], post["at"])
        assert seen.setdefault(message_id, post["body"]) == post["body"]
    return [WebhookMessage.model_validate_json(body) for body in seen.values()]


def told_to(told: Told, sink: HttpSink, **settings) -> list[WebhookMessage]:
    mirror = subscriber(told, sink.url, **settings)
    told.start(mirror)
    told.wait(60, mirror)
    return messages(sink)


def test_a_subscriber_is_told_of_results_and_promotions_in_the_order_in_which_they_happened(told, tmp_path):
    trained = told.submitted()
    told.end(trained, dice=0.75)
    told.end(told.submitted("infer"), State.FAILED)
    promotion = told.promote(1)
    with HttpSink(tmp_path) as sink:
        result, promoted = told_to(told, sink)
    assert (result.type, promoted.type) == ("result", "promotion")
    assert (result.run.handoff, result.run.key, result.run.state) == (trained, told.key(trained), "SUCCEEDED")
    assert (result.run.batch, result.run.made_model, result.run.metrics) == (BATCH, f"{told.model}:1", {"dice": 0.75})
    said = (promoted.promotion.promotion, promoted.promotion.alias, promoted.promotion.version)
    assert said == (promotion, "champion", f"{told.model}:1")
    assert result.sequence < promoted.sequence


def test_who_wants_failures_hears_of_them_and_who_may_hear_of_another_project_only_hears_nothing(told, tmp_path):
    told.end(told.submitted("infer"), State.LOST)
    with HttpSink(tmp_path) as sink:
        (failure,) = told_to(told, sink, events=["failure"])
    assert (failure.type, failure.run.state) == ("failure", "LOST")
    (tmp_path / "other").mkdir()
    with HttpSink(tmp_path / "other") as sink:
        mirror = WebhookTeller("other", Webhook(url=sink.url, secret_file=tmp_path / "secret", projects={"hearts"}))
        told.start(mirror)
        told.wait(60, mirror)
        assert sink.posts == []


def test_an_answer_that_is_lost_brings_the_same_message_again_and_the_receiver_knows_it(told, tmp_path):
    told.end(told.submitted(), dice=0.5)
    told.end(told.submitted(), dice=0.6)
    with HttpSink(tmp_path, "lose", "503", "lose", "204") as sink:
        first, second = told_to(told, sink)
        assert [post["answer"] for post in sink.posts] == ["lose", "503", "lose", "204", "204"]
    assert (first.run.metrics, second.run.metrics) == ({"dice": 0.5}, {"dice": 0.6})


def test_a_subscriber_that_begins_later_learns_of_all_before_unless_it_wants_only_what_comes(told, tmp_path):
    told.end(told.submitted(), dice=0.5)
    (tmp_path / "new").mkdir()
    with HttpSink(tmp_path) as old, HttpSink(tmp_path / "new") as new:
        only_new = WebhookTeller("new", Webhook(url=new.url, secret_file=tmp_path / "secret", history=False))
        told.start(only_new)
        told.wait(60, only_new)
        told.end(told.submitted(), dice=0.6)
        told.wait(60, only_new)
        everything = told_to(told, old)
        assert [message.run.metrics["dice"] for message in messages(new)] == [0.6]
    assert [message.run.metrics["dice"] for message in everything] == [0.5, 0.6]


@pytest.mark.parametrize("answer", ["410", "302"])
def test_what_a_subscriber_refuses_is_a_dead_letter_and_the_next_one_comes(told, tmp_path, monkeypatch, answer):
    monkeypatch.setattr("handoff.mirrors.outbox._LONGEST_PAUSE", 0.01)
    told.end(told.submitted(), dice=0.5)
    told.end(told.submitted(), dice=0.6)
    with HttpSink(tmp_path, *[answer] * 5, "204") as sink:
        mirror = subscriber(told, sink.url)
        told.start(mirror)
        wait_for(lambda: list(told.rows().values()) == [("dead", f"http-{answer}")], 40, lambda: str(told.rows()))
        wait_for(lambda: sink.taken, 40)
        (message,) = messages(sink)
    assert message.run.metrics == {"dice": 0.6}


def test_a_secret_that_cannot_be_read_is_waited_for_and_nothing_leaves_unsigned(told, tmp_path):
    (tmp_path / "secret").write_text("hunter2\n")
    told.end(told.submitted(), dice=0.5)
    with HttpSink(tmp_path) as sink:
        mirror = subscriber(told, sink.url)
        told.start(mirror)
        wait_for(lambda: list(told.rows().values()) == [("waiting", "secret-unreadable")])
        assert sink.posts == []
        (tmp_path / "secret").write_text(f"{SECRET}\n")
        told.wait(60, mirror)
        assert len(messages(sink)) == 1


def test_while_a_secret_rotates_the_receiver_may_know_either(told, tmp_path):
    fresh = f"whsec_{base64.b64encode(b'n' * 32).decode()}"
    (tmp_path / "secret").write_text(f"{fresh}\n{SECRET}\n")
    told.end(told.submitted(), dice=0.5)
    with HttpSink(tmp_path) as sink:
        told_to(told, sink)
        (post,) = sink.taken
    for secret in (SECRET, fresh):
        verify(post["headers"], post["body"], [read_secret(secret)], post["at"])


class Receiver:
    """What a subscriber has to do, in full: verify, and act on no id twice."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def take(self, headers, body: bytes, now: float) -> str:
        try:
            message_id = verify(headers, body, [read_secret(SECRET)], now)
        except SignatureError as error:
            return error.code
        if message_id in self.seen:
            return "replayed"
        self.seen.add(message_id)
        return "taken"


def test_a_receiver_refuses_what_was_changed_replayed_or_kept_for_later(told, tmp_path):
    told.end(told.submitted(), dice=0.5)
    with HttpSink(tmp_path) as sink:
        told_to(told, sink)
        (post,) = sink.taken
    receiver, (headers, body, now) = Receiver(), (post["headers"], post["body"], post["at"])
    changed = json.dumps({**json.loads(body), "project": "hearts"}).encode()
    later = {**headers, "webhook-timestamp": str(int(now) + 1)}
    renamed = {**headers, "webhook-id": "msg_0"}
    assert receiver.take(headers, changed, now) == "signature-wrong"
    assert receiver.take(later, body, now) == "signature-wrong"
    assert receiver.take(renamed, body, now) == "signature-wrong"
    assert receiver.take({**headers, "webhook-signature": "v1,"}, body, now) == "signature-wrong"
    assert receiver.take({}, body, now) == "unsigned"
    assert receiver.take(headers, body, now + TOLERANCE_SECONDS + 2) == "too-old"
    assert receiver.take(headers, body, now - TOLERANCE_SECONDS - 2) == "ahead-of-time"
    assert [receiver.take(headers, body, now), receiver.take(headers, body, now)] == ["taken", "replayed"]


def test_the_signature_is_that_of_standard_webhooks():
    """The example of the specification's own libraries."""
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    signed = sign([read_secret(secret)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_promotion_by_a_person_tells_of_no_person_and_no_time(told, tmp_path):
    told.end(told.submitted(), dice=0.5)
    told.promote(1)
    with HttpSink(tmp_path) as sink:
        told_to(told, sink)
        bodies = b"".join(post["body"] for post in sink.taken).decode()
    assert "ada" not in bodies
    assert str(int(time.time()))[:6] not in bodies
