"""Who is written to: secrets shown once, scopes, ends, and contacts whose address comes late."""

from pathlib import Path

import pytest
from sqlalchemy import select

from deploy.local.process import wait_until
from services.notification.commands import announcements, circulars, subscribers
from services.notification.models.deliveries import Delivery, Subscriber
from services.notification.rules.deliveries import PUBLIC_TYPES
from shared.testing import acting

HOOK = {"kind": "webhook", "address": "https://fund.example/hook"}
LETTER = {"kind": "letter", "address": "li@fund.example"}


def post(bench, body, who=None):
    return bench.http.post("/v1/subscribers", json=body, headers=who or bench.official)


def listed(bench):
    return bench.http.get("/v1/subscribers", headers=bench.official)


def test_a_webhook_s_secret_is_shown_once_and_is_its_own(bench):
    secrets = {post(bench, HOOK).json["secret"] for _ in range(3)}
    assert {secret[:6] for secret in secrets} == {"whsec_"}
    assert len(secrets) == 3
    text = listed(bench).text
    assert "secret" not in text
    assert not any(secret in text for secret in secrets)


def test_a_secret_is_kept_nowhere_and_its_answer_is_given_once(bench):
    who = bench.official | {"Idempotency-Key": "k"}
    secret = post(bench, HOOK, who).json["secret"]
    again = post(bench, HOOK, who)
    assert (again.status_code, again.json["slug"]) == (409, "answer-not-kept")
    assert len(listed(bench).json["items"]) == 1
    engine = bench.laurel.runtime("notification").database.engine
    engine.dispose()
    directory = Path(engine.url.database).parent
    kept = b"".join(path.read_bytes() for path in directory.glob("notification*"))
    assert HOOK["address"].encode() in kept
    assert secret.encode() not in kept
    assert secret[6:].encode() not in kept


def test_a_letter_has_no_secret(bench):
    assert post(bench, LETTER).json["secret"] is None


def test_a_new_subscriber_is_answered_whole(bench):
    answer = post(bench, HOOK | {"scope": "unit:P110000"})
    assert answer.status_code == 201
    shown = answer.json
    (found,) = listed(bench).json["items"]
    assert {name: value for name, value in shown.items() if name != "secret"} == found
    assert (found["scope"], found["event_types"]) == ("unit:P110000", list(PUBLIC_TYPES))
    assert (found["created_by"], found["ended_at"]) == ("official:developer", None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        (HOOK | {"kind": "pigeon"}, "kind"),
        (HOOK | {"address": "http://fund.example/hook"}, "address"),
        (HOOK | {"address": "https://li:pw@fund.example/"}, "address"),
        (HOOK | {"address": ""}, "address"),
        (LETTER | {"address": "https://fund.example/"}, "address"),
        (LETTER | {"address": "li@fund.example\r\nBcc: all@fund.example"}, "address"),
        (HOOK | {"scope": "unit:"}, "scope"),
        (HOOK | {"event_types": []}, "event_types"),
        (HOOK | {"event_types": ["project.imagined"]}, "event_types.0"),
        (HOOK | {"secret": "mine"}, "secret"),
    ],
)
def test_a_bad_subscriber_is_refused_by_its_field_and_not_kept(bench, body, field):
    answer = post(bench, body)
    assert (answer.status_code, answer.json["slug"]) == (422, "invalid-input")
    assert field in [error["field"] for error in answer.json["errors"]]
    assert listed(bench).json["items"] == []


def test_only_officials_add_see_and_end_subscribers(bench):
    made = post(bench, HOOK).json["id"]
    for role in ("operator", "unit"):
        who = bench.laurel.token(role, unit="P110000")
        assert post(bench, HOOK, who).status_code == 403
        assert bench.http.get("/v1/subscribers", headers=who).status_code == 403
        assert bench.http.delete(f"/v1/subscribers/{made}", headers=who).status_code == 403
    assert len(listed(bench).json["items"]) == 1


def test_an_ended_subscriber_gets_nothing_more_and_loses_what_waits(bench, said, receiver):
    receiver.status = 503
    made = bench.subscribe("webhook", receiver.url)["id"]
    bench._publish(said.on_the_wire("project.designated", 3))
    wait_until(lambda: bench.laurel.turn() >= 0 and bool(bench.deliveries()), 10, "a delivery")
    for _ in range(2):
        answer = bench.http.delete(f"/v1/subscribers/{made}", headers=bench.official)
        assert (answer.status_code, answer.data) == (204, b"")
    bench.receive(said.on_the_wire("project.revoked", 4))
    (delivery,) = bench.deliveries()
    assert (delivery["state"], delivery["error"]) == ("failed", "unsubscribed")
    assert len(bench.recorded("notice.failed")) == 1
    (found,) = listed(bench).json["items"]
    assert found["end_reason"] == "unsubscribed"


def test_an_unknown_subscriber_cannot_be_ended(bench):
    answer = bench.http.delete("/v1/subscribers/nobody", headers=bench.official)
    assert (answer.status_code, answer.json["slug"]) == (404, "not-found")


def test_a_subscriber_is_told_of_its_scope_and_types_alone(database, said):
    scopes = ["all", "unit:P110000", "unit:P120000", f"project:{said.PROJECT}", "project:other"]
    with database.transaction() as session:
        ids = {}
        for scope in scopes:
            wanted = HOOK | {"scope": scope, "event_types": ["project.revoked"]}
            made = subscribers.add_subscriber(session, wanted, acting(said.NOW), ())
            ids[made.id] = scope
        event = said.project_event("project.designated", 3)
        announcements.announce_change(session, event, acting(said.NOW, event))
        event = said.project_event("project.revoked", 4)
        circulars.circulate_revocation(session, event, acting(said.NOW, event))
    with database.reading() as session:
        told = session.execute(select(Delivery.subscriber, Delivery.cause_type)).all()
    assert sorted((ids[subscriber], kind) for subscriber, kind in told) == [
        ("all", "project.revoked"),
        (f"project:{said.PROJECT}", "project.revoked"),
        ("unit:P110000", "project.revoked"),
    ]


def test_a_contact_is_told_what_was_announced_before_its_address_was_known(database, said):
    with database.transaction() as session:
        event = said.project_event("project.revoked", 4)
        circulars.circulate_revocation(session, event, acting(said.NOW, event))
    for _ in range(2):
        with database.transaction() as session:
            event = said.project_event("application.submitted", 1, epoch=0)
            subscribers.keep_application(session, event, acting(said.NOW, event))
    with database.reading() as session:
        (delivery,) = session.scalars(select(Delivery)).all()
        assert (delivery.subscriber, delivery.cause_type) == (
            f"contact:{said.PROJECT}",
            "project.revoked",
        )
        assert delivery.notice == "LAUREL-2021-0001"


def test_the_newest_address_of_a_contact_wins_in_any_order(database, said):
    for sequence, address in ((1, "old@u.example"), (3, "new@u.example"), (2, "mid@u.example")):
        event = said.project_event("application.submitted", sequence, contact_email=address)
        with database.transaction() as session:
            subscribers.keep_application(session, event, acting(said.NOW, event))
    with database.reading() as session:
        (contact,) = session.scalars(select(Subscriber)).all()
        assert contact.address == "new@u.example"
