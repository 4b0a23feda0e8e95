"""Sending to receivers that really run: retried with patience, given up, never lost, never told
before it is true."""

import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes

import pytest

from deploy.local.process import wait_until
from services.notification.commands.deliveries import claim_delivery
from services.notification.couriers.letters import LetterCourier
from services.notification.couriers.webhooks import WebhookCourier
from services.notification.rules.deliveries import WAIT_SECONDS

pytestmark = pytest.mark.long


def test_a_receiver_that_is_busy_is_asked_again_with_the_same_id(revoked, post, receiver):
    for status in (503, 429, 204):
        receiver.status = status
        assert post.send(WebhookCourier) == 1
        assert post.send(WebhookCourier) == 0
        post.let_time_pass()
    assert post.send(WebhookCourier) == 0
    refusal = "the receiver did not take it"
    assert post.log() == [
        (1, "http-503", refusal), (2, "http-429", refusal), (3, "http-204", None),
    ]  # fmt: skip
    assert {headers["webhook-id"] for _path, headers, _body in receiver.requests} == {
        post.delivery().id
    }
    assert len({body for _path, _headers, body in receiver.requests}) == 1
    assert post.delivery().state == "delivered"


def test_each_attempt_waits_as_long_as_the_schedule_says(revoked, post):
    waits = []
    for _ in range(5):
        before = datetime.now(UTC)
        post.send(WebhookCourier)
        waits.append((post.delivery().due_at - before).total_seconds())
        post.let_time_pass()
    said = list(zip(WAIT_SECONDS, waits, strict=False))
    assert [0.9 * most <= wait <= 1.1 * most + 5 for most, wait in said] == [True] * 5


def test_an_outlet_acknowledges_only_when_the_receiver_took_it(revoked, post, receiver):
    before = ["register", "status_list", "circular"]
    post.send(WebhookCourier)
    assert post.outlets() == before
    assert post.bench.recorded("notice.delivered") == []
    receiver.status = 204
    post.let_time_pass()
    post.send(WebhookCourier)
    assert post.outlets() == [*before, "webhook"]
    (acknowledged,) = post.bench.recorded("revocation.acknowledged")[3:]
    assert acknowledged["receiver"] == revoked["id"]
    (delivered,) = post.bench.recorded("notice.delivered")
    assert (delivered["delivery"], delivered["attempts"]) == (post.delivery().id, 2)


def test_after_the_last_attempt_it_is_given_up_until_an_operator_asks_once_more(
    revoked, post, receiver
):
    for _ in range(3):
        post.send(WebhookCourier, waits=(1, 1))
        post.let_time_pass()
    assert post.send(WebhookCourier, waits=(1, 1)) == 0
    assert (post.delivery().state, post.delivery().error) == ("failed", "http-503")
    (failed,) = post.bench.recorded("notice.failed")
    assert failed["delivery"] == post.delivery().id
    receiver.status = 200
    path = f"/v1/deliveries/{post.delivery().id}/retry"
    assert post.bench.http.post(path, headers=post.bench.official).status_code == 202
    assert post.send(WebhookCourier, waits=(1, 1)) == 1
    assert post.delivery().state == "delivered"
    answer = post.bench.http.post(path, headers=post.bench.official)
    assert (answer.status_code, answer.json["slug"]) == (409, "illegal-transition")


def test_410_gone_ends_the_subscriber_and_all_that_is_on_its_way(revoked, post, receiver, said):
    post.bench._publish(said.on_the_wire("project.reinstated", 4, epoch=2))
    wait_until(
        lambda: post.bench.laurel.turn() >= 0 and len(post.bench.deliveries()) == 2,
        10,
        "both deliveries",
    )
    post.let_time_pass()
    receiver.status = 410
    assert post.send(WebhookCourier) == 1
    states = [(item["state"], item["error"]) for item in post.bench.deliveries()]
    assert sorted(states) == [("failed", "gone"), ("failed", "http-410")]
    (subscriber,) = post.bench.http.get("/v1/subscribers", headers=post.bench.official).json[
        "items"
    ]
    assert (subscriber["id"], subscriber["end_reason"]) == (revoked["id"], "gone")
    post.bench.receive(said.on_the_wire("project.revoked", 5, epoch=2))
    assert len(post.bench.deliveries()) == 2


def test_a_letter_that_was_put_off_arrives_with_the_same_message_id(letter, post, mailbox):
    post.send(LetterCourier)
    mailbox.reply = "250 OK"
    post.let_time_pass()
    post.send(LetterCourier)
    (content,) = mailbox.taken
    assert message_from_bytes(content)["Message-ID"] == f"<{post.delivery().id}@ministry.example>"
    assert [code for _number, code, _error in post.log()] == ["smtp-451", "smtp-250"]
    assert post.outlets()[3:] == ["letter"]


def crash(post, kind):
    """Claim and send as the dispatcher does, and die before settling."""
    with post.database.transaction() as session:
        lease = timedelta(seconds=60)
        outlet = kind.outlet
        parcel = claim_delivery(session, outlet, real_now=datetime.now(UTC), lease=lease)
    with post.courier(kind) as courier:
        assert courier.send(parcel).taken


def test_a_crash_between_sending_and_settling_is_repaired_after_the_lease(revoked, post, receiver):
    receiver.status = 204
    crash(post, WebhookCourier)
    assert post.outlets() == ["register", "status_list", "circular"]
    assert post.send(WebhookCourier) == 0
    post.let_time_pass()
    assert post.send(WebhookCourier) == 1
    first, second = receiver.requests
    assert first[1]["webhook-id"] == second[1]["webhook-id"]
    assert first[2] == second[2]
    assert post.outlets().count("webhook") == 1
    assert post.log() == [(2, "http-204", None)]


def test_a_letter_sent_twice_over_a_crash_has_the_same_message_id(letter, post, mailbox):
    mailbox.reply = "250 OK"
    crash(post, LetterCourier)
    post.let_time_pass()
    post.send(LetterCourier)
    first, second = (message_from_bytes(content)["Message-ID"] for content in mailbox.taken)
    assert first == second
    assert post.outlets().count("letter") == 1


def test_several_dispatchers_at_once_send_each_delivery_once(tmp_path, bench, said, receiver, post):
    for _ in range(12):
        bench.subscribe("webhook", receiver.url)
    receiver.status = 503
    bench._publish(said.on_the_wire("project.revoked", 3))
    wait_until(lambda: bench.laurel.turn() >= 0 and len(bench.deliveries()) == 12, 10, "deliveries")
    post.let_time_pass()
    receiver.requests.clear()
    receiver.status = 204
    threads = [threading.Thread(target=post.send, args=(WebhookCourier,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ids = [headers["webhook-id"] for _path, headers, _body in receiver.requests]
    assert sorted(ids) == sorted({item["id"] for item in bench.deliveries()})
    assert post.outlets().count("webhook") == 12
