"""A stranger's agency client, written from the handbook alone: own key, own libraries."""

import base64
import json
from datetime import timedelta
from urllib.parse import urlsplit
from uuid import uuid4

import pika
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

pytestmark = pytest.mark.long

CONTENT_TYPE = "application/cloudevents+json"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Stranger:
    """An agency's programmer who has read HANDBOOK.md and nothing else."""

    def __init__(self, code, kid="stranger-1"):
        self.code, self.kid = code, kid
        self.key = Ed25519PrivateKey.generate()

    @property
    def public_jwk(self):
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(self.key.public_key().public_bytes_raw())}

    def event(self, inspection, clock, **report):
        data = {
            "method": "full_assessment", "conducted_on": clock.now().date().isoformat(),
            "inspectors": inspection["inspectors"], "result": "no_breach", "score": "82.50",
            "signed_by": "Stranger",
        }  # fmt: skip
        return {
            "specversion": "1.0", "id": str(uuid4()), "source": f"/agencies/{self.code}",
            "type": "laurel.inspection.reported", "subject": inspection["inspection"],
            "time": clock.now().isoformat(), "data": data | report,
        }  # fmt: skip

    def signature(self, body, *, key=None, kid=None, alg="Ed25519"):
        header = b64(json.dumps({"alg": alg, "kid": kid or self.kid}).encode())
        signed = (key or self.key).sign(f"{header}.{b64(body)}".encode())
        return f"{header}..{b64(signed)}"


class Amqp:
    """Sends over pika, mandatory and confirmed; reads its own receipts queue."""

    def __init__(self, url, code):
        parts = urlsplit(url)
        credentials = pika.PlainCredentials(parts.username, parts.password)
        self.connection = pika.BlockingConnection(
            pika.ConnectionParameters(
                parts.hostname, parts.port, parts.path[1:].replace("%2F", "/"), credentials
            )
        )
        self.channel = self.connection.channel()
        self.channel.confirm_delivery()
        self.code = code

    def send(self, body, signature, *, route=None, content_type=CONTENT_TYPE):
        headers = {} if signature is None else {"laurel-signature": signature}
        self.channel.basic_publish(
            "partner.events",
            route or f"agency.{self.code}.inspection.reported",
            body,
            pika.BasicProperties(content_type=content_type, delivery_mode=2, headers=headers),
            mandatory=True,
        )

    def receipts(self):
        found = []
        while True:
            frame, _properties, body = self.channel.basic_get(f"receipts--{self.code}")
            if frame is None:
                return found
            self.channel.basic_ack(frame.delivery_tag)
            found.append(json.loads(body)["data"])


class Https:
    """Posts to the inspection service; the answer is the receipt."""

    def __init__(self, round_):
        self._http, self._receipts = round_.http("inspection"), []

    def send(self, body, signature, *, content_type=CONTENT_TYPE, **_route):
        headers = {"Content-Type": content_type}
        if signature is not None:
            headers["laurel-signature"] = signature
        answer = self._http.post("/v1/agency-messages", data=body, headers=headers)
        told = answer.json
        if answer.status_code == 413:
            assert told["slug"] == "body-too-large"
            return
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            assert told["slug"] == told["receipt"]["code"]
            told = told["receipt"]
        self._receipts.append(told)

    def receipts(self):
        found, self._receipts = self._receipts, []
        return found


@pytest.fixture(params=["https", "amqp"])
def scene(request, round_):
    """Two designated projects, both drawn for the stranger; over one channel on each stack."""
    scene = Scene(round_, Https(round_))
    if request.param == "https":
        yield scene
    elif round_.broker.forgets:
        scene.channel = Embedded(round_, scene.stranger.code)
        yield scene
    else:
        scene.channel = Amqp(round_.settings.broker_url, scene.stranger.code)
        scene.channel.receipts()
        yield scene
        scene.channel.connection.close()


class Embedded:
    """The embedded broker cannot be reached from outside: the same bytes through its queues."""

    def __init__(self, round_, code):
        self._round, self.code = round_, code
        self._queue = round_.broker.consumer(f"receipts--{code}", 1)
        self.receipts()

    def send(self, body, signature, *, route=None, content_type=CONTENT_TYPE):
        assert content_type == CONTENT_TYPE or body is not None
        self._round.send_raw(
            body, signature, route or f"agency.{self.code}.inspection.reported", content_type
        )

    def receipts(self):
        found = self._queue.receive(1000, 0)
        if found:
            self._queue.ack(found[-1])
        return [json.loads(delivery.body)["data"] for delivery in found]


class Scene:
    def __init__(self, round_, channel):
        self.round, self.channel = round_, channel
        self.projects = round_.designate(2)
        self.stranger, self.rival = Stranger("agency-x"), Stranger("agency-y")
        self._register(self.stranger, inspectors=2)
        drawn = round_.draw()
        self.inspections = [drawn[project] for project in self.projects]
        self._register(self.rival, inspectors=0)

    def _register(self, who, inspectors):
        round_, now = self.round, self.round.clock.now()
        body = {"code": who.code, "name": who.code, "legal_representative": "Li"}
        round_.official("inspection", "/v1/agencies", body)
        for kid, first, last in ((who.kid, -30, 365), ("ended", -30, -1), ("later", 20, 30)):
            key = {
                "kid": kid, "public_jwk": who.public_jwk,
                "valid_from": (now + timedelta(days=first)).isoformat(),
                "valid_to": (now + timedelta(days=last)).isoformat(),
            }  # fmt: skip
            round_.official("inspection", f"/v1/agencies/{who.code}/keys", key)
        for number in range(inspectors):
            body = {"code": f"{who.code}-{number}", "name": "Qian", "agency": who.code}
            round_.official("inspection", "/v1/inspectors", body)
        round_.settle()

    def event(self, number=0, **report):
        return self.stranger.event(self.inspections[number], self.round.clock, **report)

    def say(self, event, **how):
        self.send(event, **how)
        self.round.settle()
        return self.channel.receipts()

    def send(self, event, **how):
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        signature = how.pop("signature", ...)
        signing = {name: how.pop(name) for name in ("key", "kid", "alg") if name in how}
        if signature is ...:
            signature = self.stranger.signature(body, **signing)
        self.channel.send(body, signature, **how)

    def state(self):
        """All that a report could change."""
        round_ = self.round
        stages = [
            (i["inspection"], i["stage"], i["outcome"])
            for i in round_.call(
                "inspection", "GET", "/v1/inspections", who=round_.token("official")
            )["items"]
        ]
        register = [
            round_.call("notification", "GET", f"/v1/register/{project}")
            for project in self.projects
        ]
        return stages, round_.revocations(), register


def codes(receipts):
    return [receipt["code"] for receipt in receipts]


def test_a_strangers_good_report_is_accepted_and_its_failing_one_revokes(scene):
    (receipt,) = scene.say(scene.event(0))
    assert (receipt["status"], receipt["code"], receipt["outcome"]) == (
        "accepted",
        "accepted",
        "pass",
    )
    (receipt,) = scene.say(scene.event(1, result="breach", score="41.5"))
    assert (receipt["code"], receipt["outcome"]) == ("accepted", "fail")
    (revocation,) = scene.round.revocations()
    assert (revocation["project"], revocation["missing"]) == (scene.projects[1], [])


FAILING = {"result": "non_cooperation"}


def changed(**attributes):
    return lambda scene: (scene.event(**FAILING) | attributes, {})


def reported(**report):
    return lambda scene: (scene.event(**{**FAILING, **report}), {})


def at(**ago):
    return lambda scene: (
        scene.event(**FAILING) | {"time": (scene.round.clock.now() - timedelta(**ago)).isoformat()},
        {},
    )


def sent(**how):
    return lambda scene: (scene.event(**FAILING), how)


BAD = {
    "no JSON": (lambda _: (b"\xff\xfe", {}), "undecodable"),
    "no object": (lambda _: (b"[]", {}), "undecodable"),
    "no CloudEvent": (changed(specversion="0.3"), "undecodable"),
    "no id": (changed(id=""), "undecodable"),
    "an id that is a number": (changed(id=7), "undecodable"),
    "a foreign source": (changed(source="/laurel/scoring"), "undecodable"),
    "another event type": (changed(type="laurel.project.revoked"), "undecodable"),
    "a time without offset": (changed(time="2020-11-11T10:00:00"), "undecodable"),
    "no data": (changed(data=None), "undecodable"),
    "nested too deep": (lambda _: (b'{"specversion":"1.0","data":' + b"[" * 60 + b"]" * 60 + b"}", {}), "undecodable"),
    "NUL in a text": (lambda s: (json.dumps(s.event(**FAILING) | {"x": "\0"}).encode(), {}), "undecodable"),
    "half a surrogate pair": (changed(subject="\ud800"), "undecodable"),
    "too large": (lambda s: (json.dumps(s.event(**FAILING) | {"x": "y" * 1_048_576}).encode(), {}), "undecodable"),
    "another content type": (sent(content_type="text/plain"), "undecodable"),
    "an unknown agency": (changed(source="/agencies/nobody"), "unknown-agency"),
    "an unknown key": (sent(kid="never"), "unknown-key"),
    "a key that ended": (sent(kid="ended"), "key-not-valid"),
    "a key of tomorrow": (sent(kid="later"), "key-not-valid"),
    "no signature": (sent(signature=None), "bad-signature"),
    "a malformed signature": (sent(signature="a.b.c"), "bad-signature"),
    "a forged signature": (lambda s: (s.event(**FAILING), {"key": s.rival.key}), "bad-signature"),
    "a signature of other bytes": (lambda s: (s.event(**FAILING), {"signature": s.stranger.signature(b"other")}), "bad-signature"),
    "algorithm none": (sent(alg="none"), "bad-signature"),
    "eight days old": (at(days=8), "stale"),
    "six minutes ahead": (at(minutes=-6), "from-future"),
    "an unknown inspection": (changed(subject=str(uuid4())), "unknown-inspection"),
    "an unknown result": (reported(result="splendid"), "wrong-schema"),
    "a score out of range": (reported(result="breach", score="101"), "wrong-schema"),
    "a score that is not a number": (reported(result="breach", score="NaN"), "wrong-schema"),
    "a score that takes for ever": (reported(result="breach", score="1E-99999999"), "wrong-schema"),
    "three decimal places": (reported(result="breach", score="41.125"), "wrong-schema"),
    "one inspector": (reported(inspectors=["agency-x-0"]), "wrong-schema"),
    "no score": (reported(result="breach", score=None), "wrong-schema"),
    "no signatory": (reported(signed_by=""), "wrong-schema"),
    "hidden signatory": (reported(signed_by="Li\u200bMing"), "wrong-schema"),
    "another method": (reported(method="site_check"), "implausible"),
    "strangers as inspectors": (reported(inspectors=["p", "q"]), "implausible"),
    "an inspector twice": (reported(inspectors=["agency-x-0", "agency-x-0"]), "implausible"),
    "before the draw": (reported(conducted_on="2020-10-01"), "implausible"),
    "in the future": (reported(conducted_on="2031-01-01"), "implausible"),
    "no breach beside a breach": (reported(result="no_breach", findings=[{"key": "signage", "result": "breach"}]), "implausible"),
    "a finding twice": (reported(result="breach", findings=[{"key": "signage", "result": "ok"}] * 2), "implausible"),
}  # fmt: skip


def test_every_kind_of_bad_report_gets_its_code_and_changes_nothing(scene):
    before = scene.state()
    for make, _code in BAD.values():
        event, how = make(scene)
        scene.send(event, **how)
    scene.round.settle()
    expected = {name: code for name, (_make, code) in BAD.items()}
    if isinstance(scene.channel, Https):
        del expected["too large"]  # refused at the door, before there is a message
    assert dict(zip(expected, codes(scene.channel.receipts()), strict=True)) == expected
    assert scene.state() == before
    (receipt,) = scene.say(scene.event(0))
    assert receipt["code"] == "accepted"


def test_the_same_bytes_again_get_the_same_receipt_and_nothing_twice(scene):
    body = json.dumps(scene.event(0, result="breach", score="41.5")).encode()
    first, again = scene.say(body), scene.say(body)
    assert [r["receipt"] for r in again] == [r["receipt"] for r in first]
    assert codes(first) == ["accepted"]
    assert len(scene.round.revocations()) == 1


def test_what_was_accepted_stays_accepted_when_it_comes_again_too_late(scene):
    body = json.dumps(scene.event(0)).encode()
    first = scene.say(body)
    scene.round.official("inspection", "/v1/agencies/agency-x/keys/stranger-1/end")
    scene.round.clock.set(scene.round.clock.now() + timedelta(days=9))
    assert [r["receipt"] for r in scene.say(body)] == [r["receipt"] for r in first]


def test_what_came_before_its_key_was_registered_counts_when_it_comes_again(scene):
    body = json.dumps(scene.event(0)).encode()
    signature = scene.stranger.signature(body, kid="next")
    assert codes(scene.say(body, signature=signature)) == ["unknown-key"]
    key = {
        "kid": "next", "public_jwk": scene.stranger.public_jwk,
        "valid_from": scene.round.clock.now().replace(hour=0).isoformat(),
        "valid_to": (scene.round.clock.now() + timedelta(days=9)).isoformat(),
    }  # fmt: skip
    scene.round.official("inspection", "/v1/agencies/agency-x/keys", key)
    again = codes(scene.say(body, signature=signature))
    assert again[-1] == "accepted"


def test_a_rival_who_sends_the_bytes_first_spoils_nothing(scene):
    if isinstance(scene.channel, Https):
        return
    body = json.dumps(scene.event(0)).encode()
    before = scene.state()
    assert scene.say(body, route="agency.agency-y.inspection.reported") == []
    assert scene.state() == before
    assert codes(scene.round.receipts("agency-y"))[-1] == "wrong-channel"
    assert codes(scene.say(body)) == ["accepted"]


def test_a_trace_goes_from_the_agencys_message_to_the_revocation(scene):
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    scene.say(scene.event(0, **FAILING) | {"traceparent": trace})
    (revoked,) = scene.round.events("inspection", "project.revoked")
    assert revoked.traceparent == trace
    acknowledged = scene.round.events("notification", "revocation.acknowledged")
    assert {event.traceparent for event in acknowledged} == {trace}


def test_a_used_id_with_another_body_and_a_second_report_are_refused(scene):
    event = scene.event(0)
    assert codes(scene.say(event)) == ["accepted"]
    before = scene.state()
    assert codes(scene.say(scene.event(0, **FAILING) | {"id": event["id"]})) == ["duplicate-id"]
    assert codes(scene.say(scene.event(0, **FAILING))) == ["already-reported"]
    assert scene.state() == before


def test_another_agencys_inspection_cannot_be_reported(scene):
    before = scene.state()
    event = scene.event(0, **FAILING) | {"source": "/agencies/agency-y"}
    body = json.dumps(event).encode()
    https = Https(scene.round)
    https.send(body, scene.rival.signature(body))
    scene.round.settle()
    assert codes(https.receipts()) == ["not-assigned"]
    assert scene.state() == before


def test_a_routing_key_that_does_not_fit_is_refused(scene):
    if isinstance(scene.channel, Https):
        return
    before = scene.state()
    route = "agency.agency-y.inspection.reported"
    scene.say(scene.event(0, **FAILING), route=route)
    quarantine = scene.round.call(
        "inspection", "GET", "/v1/quarantine", who=scene.round.token("official")
    )
    assert codes(quarantine["items"]) == ["wrong-channel"]
    assert scene.state() == before


def test_a_started_message_moves_the_inspection_on_and_only_once(scene):
    if isinstance(scene.channel, Https):
        return
    event = scene.event(0) | {"type": "laurel.inspection.started", "data": {}}
    route = "agency.agency-x.inspection.started"
    assert codes(scene.say(event, route=route)) == ["accepted"]
    stages = dict(stage[:2] for stage in scene.state()[0])
    assert stages[scene.inspections[0]["inspection"]] == "IN_PROGRESS"
    assert codes(scene.say(scene.event(0))) == ["accepted"]
