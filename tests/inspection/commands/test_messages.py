"""Agency messages: each check with its code, in order; whom a refusal is told to; what is kept."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.inspection.commands import messages
from services.inspection.commands.message_checks import (
    MAX_AGE,
    MAX_AHEAD,
    Incoming,
    Rejected,
    check_channel,
    check_signature,
    check_time,
)
from services.inspection.models.agencies import Message
from services.inspection.models.inspections import Inspection
from services.inspection.rules.receipts import UNPROVED, Code
from shared.agency.message import REPORTED, AgencyMessage
from shared.agency.signing import generate_key, sign
from shared.testing import acting

NOON = datetime(2021, 3, 1, 12, tzinfo=UTC)
MOMENT = timedelta(microseconds=1)
ROUTE = {"channel": "amqp", "route_type": "inspection.reported"}


class Agency:
    """Agency A, drawn for one project, and B, which has nothing to do with it."""

    def __init__(self, office):
        self.office = office
        (self.project,) = office.designate()
        office.register("agency-a")
        self.inspection = office.draw()[self.project]
        office.register("agency-b")

    def event(self, **changes):
        body, _signature = self.office.signed(self.inspection)
        event = json.loads(body)
        data = event["data"] | changes.pop("data", {})
        return event | {"data": data} | changes

    def incoming(self, event, key=None, kid="k1", **more):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        key = key or self.office.keys["agency-a"]
        values = {"signature": sign(body, key, kid), "channel": "https"} | more
        return Incoming(body, "application/cloudevents+json", **values)

    def send(self, incoming):
        with self.office.session("inspection") as session:
            row = messages.receive_message(session, incoming, acting(self.office.clock.now()))
            return row.code, row.agency

    def kept(self):
        with self.office.session("inspection") as session:
            return session.query(Message).count()


@pytest.fixture
def agency(office):
    return Agency(office)


def at(agency, **ago):
    return (agency.office.clock.now() - timedelta(**ago)).isoformat()


REFUSED = {
    Code.UNDECODABLE: lambda a: a.incoming(b"{"),
    Code.UNKNOWN_AGENCY: lambda a: a.incoming(a.event(source="/agencies/nobody")),
    Code.WRONG_CHANNEL: lambda a: a.incoming(a.event(), route_agency="agency-b", **ROUTE),
    Code.UNKNOWN_KEY: lambda a: a.incoming(a.event(), kid="k2"),
    Code.KEY_NOT_VALID: lambda a: a.incoming(a.event(time=at(a, days=100))),
    Code.BAD_SIGNATURE: lambda a: a.incoming(a.event(), key=generate_key()),
    Code.STALE: lambda a: a.incoming(a.event(time=at(a, days=7, seconds=1)), kid="old"),
    Code.FROM_FUTURE: lambda a: a.incoming(a.event(time=at(a, minutes=-6))),
    Code.UNKNOWN_INSPECTION: lambda a: a.incoming(a.event(subject="I-none")),
    Code.NOT_ASSIGNED: lambda a: a.incoming(
        a.event(source="/agencies/agency-b"), key=a.office.keys["agency-b"]
    ),
    Code.WRONG_SCHEMA: lambda a: a.incoming(a.event(data={"score": "much"})),
    Code.IMPLAUSIBLE: lambda a: a.incoming(a.event(data={"inspectors": ["stranger", "other"]})),
}


@pytest.mark.parametrize("code", REFUSED)
def test_each_check_refuses_with_its_code_and_nothing_else_changes(agency, code):
    now = agency.office.clock.now()
    old = agency.office.key(_public(agency), kid="old") | {
        "valid_from": (now - timedelta(days=30)).isoformat()
    }
    agency.office.post("/v1/agencies/agency-a/keys", old)
    assert agency.send(REFUSED[code](agency))[0] == code
    assert agency.office.state(agency.project) == "DESIGNATED"
    with agency.office.session("inspection") as session:
        assert session.get(Inspection, agency.inspection).stage == "NOTIFIED"


def test_what_nobody_proved_to_have_sent_is_kept_in_part(agency):
    body = b'{"a": ' + b"1" * 900_000 + b".5}"
    assert agency.send(agency.incoming(body)) == (Code.UNDECODABLE, None)
    with agency.office.session("inspection") as session:
        (row,) = session.query(Message).filter_by(code=Code.UNDECODABLE)
        assert row.body == body[:16_384]
        assert len(row.reason) < 5_000
        digest = row.digest
    assert agency.send(agency.incoming(body)) == (Code.UNDECODABLE, None)
    with agency.office.session("inspection") as session:
        assert session.query(Message).filter_by(digest=digest).count() == 1


@pytest.mark.parametrize("findings", [[{}] * 3_000, [{"key": "k" * 60, "result": 1}] * 300])
def test_a_report_of_very_many_faults_is_refused_in_few_words(agency, findings):
    incoming = agency.incoming(agency.event(data={"findings": findings}))
    assert agency.send(incoming)[0] == Code.WRONG_SCHEMA
    with agency.office.session("inspection") as session:
        (row,) = session.query(Message).filter_by(code=Code.WRONG_SCHEMA)
        assert len(row.reason) < 2_100


def _public(agency):
    return {k: v for k, v in agency.office.keys["agency-a"].items() if k != "d"}


REASONS = {
    Code.WRONG_CHANNEL: "The routing key does not fit the message.",
    Code.UNKNOWN_KEY: "Agency agency-a has no key 'k2'.",
    Code.STALE: "The message is older than 7 days; make it anew.",
    Code.FROM_FUTURE: "The message's time lies ahead; set your clock.",
}


@pytest.mark.parametrize("code", REASONS)
def test_a_refusal_says_what_is_wrong(agency, code):
    old = agency.office.key(_public(agency), kid="old") | {"valid_from": at(agency, days=30)}
    agency.office.post("/v1/agencies/agency-a/keys", old)
    with agency.office.session("inspection") as session:
        context = acting(agency.office.clock.now())
        receipt = messages.receive_message(session, REFUSED[code](agency), context)
        assert receipt.reason == REASONS[code]


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (-MAX_AGE - MOMENT, Code.STALE),
        (-MAX_AGE, None),
        (MAX_AHEAD, None),
        (MAX_AHEAD + MOMENT, Code.FROM_FUTURE),
    ],
)
def test_a_message_of_the_last_moment_is_in_time(made, code):
    message = AgencyMessage("1", "agency-a", REPORTED, "I-1", NOON + made, {})
    assert refused(check_time, message, NOON) == code


@pytest.mark.parametrize(
    ("route", "user", "reason"),
    [
        ((None, None), None, None),
        (("agency-a", "inspection.reported"), None, None),
        (("agency-a", "inspection.reported"), "agency-agency-a", None),
        (("agency-a", "inspection.reported"), "operator", None),
        (("agency-b", "inspection.reported"), None, "The routing key does not fit the message."),
        (("agency-a", "inspection.started"), None, "The routing key does not fit the message."),
        (
            ("agency-a", "inspection.reported"),
            "agency-agency-b",
            "The broker user is another agency's.",
        ),
    ],
)
def test_a_message_comes_by_its_agency_s_own_channel(route, user, reason):
    message = AgencyMessage("1", "agency-a", REPORTED, "I-1", NOON, {})
    incoming = Incoming(b"", None, None, "amqp", *route, user)
    if reason is None:
        check_channel(incoming, message)
    else:
        with pytest.raises(Rejected) as refusal:
            check_channel(incoming, message)
        assert (refusal.value.code, str(refusal.value)) == (Code.WRONG_CHANNEL, reason)


@pytest.mark.parametrize(
    ("made", "now", "valid"),
    [(0, 0, True), (-1, 0, False), (0, 9, True), (0, 10, False), (9, 9, True), (10, 9, False)],
)
def test_a_key_holds_from_its_first_instant_until_its_last(agency, made, now, valid):
    office = agency.office
    start = office.clock.now() - timedelta(days=1)
    key = office.key(_public(agency), kid="short") | {
        "valid_from": start.isoformat(), "valid_to": (start + 10 * MOMENT).isoformat(),
    }  # fmt: skip
    office.post("/v1/agencies/agency-a/keys", key)
    incoming = agency.incoming(agency.event(), kid="short")
    time = start + made * MOMENT
    message = AgencyMessage("1", "agency-a", REPORTED, agency.inspection, time, {})
    with office.session("inspection") as session:
        code = refused(check_signature, session, incoming, message, start + now * MOMENT)
    assert code == (None if valid else Code.KEY_NOT_VALID)


def test_a_message_without_a_signature_is_told_where_it_belongs():
    message = AgencyMessage("1", "agency-a", REPORTED, "I-1", NOON, {})
    with pytest.raises(Rejected, match=r"\AThe header laurel-signature is missing\.\Z"):
        check_signature(None, Incoming(b"", None, None, "https"), message, NOON)


def refused(check, *arguments):
    """The code with which a check refuses, or None."""
    try:
        check(*arguments)
    except Rejected as refusal:
        return refusal.code
    return None


def test_a_good_report_is_accepted_once_and_its_bytes_get_the_same_receipt(agency):
    incoming = agency.incoming(agency.event())
    assert [agency.send(incoming) for _ in range(3)] == [(Code.ACCEPTED, "agency-a")] * 3
    assert agency.kept() == 1


def test_the_same_id_with_another_body_and_a_second_report_are_refused(agency):
    event = agency.event()
    assert agency.send(agency.incoming(event))[0] == Code.ACCEPTED
    event["data"]["score"] = "41"
    assert agency.send(agency.incoming(event))[0] == Code.DUPLICATE_ID
    assert agency.send(agency.incoming(agency.event()))[0] == Code.ALREADY_REPORTED


@pytest.mark.parametrize("code", UNPROVED)
def test_nobody_is_told_of_a_message_that_merely_names_it(agency, code):
    assert agency.send(REFUSED[code](agency)) == (
        code,
        "agency-b" if code is Code.WRONG_CHANNEL else None,
    )
    receipts = agency.office.get("/v1/agencies/agency-a/receipts")["items"]
    assert [receipt for receipt in receipts if receipt["code"] == code] == []


@pytest.mark.parametrize(
    ("user", "told"),
    [(None, "agency-a"), ("agency-agency-a", "agency-a"), ("agency-agency-b", "agency-b")],
)
def test_on_the_broker_whoever_has_the_channel_is_told(agency, user, told):
    bad = replace(
        agency.incoming(agency.event(), key=generate_key()),
        route_agency="agency-a",
        user=user,
        **ROUTE,
    )
    code = Code.BAD_SIGNATURE if told == "agency-a" else Code.WRONG_CHANNEL
    assert agency.send(bad) == (code, told)


def test_of_what_nobody_has_proved_a_bounded_number_is_kept(agency, monkeypatch):
    monkeypatch.setattr(messages, "UNPROVED_KEPT", 5)
    assert agency.send(agency.incoming(agency.event(data={"score": "much"})))[1] == "agency-a"
    for _ in range(12):
        agency.send(replace(agency.incoming(agency.event()), signature=None))
    assert agency.kept() == 1 + 5


def test_a_receipt_is_caused_by_the_message_once_its_sender_is_proved(agency):
    event = agency.event()
    agency.send(agency.incoming(event))
    (receipt,) = [
        item for item in agency.office.events("receipt.issued")
        if item.data["code"] == Code.ACCEPTED
    ]  # fmt: skip
    assert (receipt.causation_id, receipt.correlation_id) == (event["id"], event["id"])
