"""A whole round while random and spoiled messages come in on every queue of the four services.

`FUZZ_MESSAGES=20000 FUZZ_SEED=7 pytest tests/system/test_fuzz.py` goes on for longer.
"""

import json
import os
import random
from dataclasses import dataclass

import amqp
import pytest
from kombu.utils.url import parse_url
from sqlalchemy import select

from services.inspection.models.agencies import Message as Kept
from shared.project import NEEDED_OUTLETS
from shared.spine.broker import Message
from shared.spine.envelope import CONTENT_TYPE, decode, new_id
from shared.spine.tables import inbox, outbox, parked
from tests.system.conftest import Round

MESSAGES = int(os.environ.get("FUZZ_MESSAGES", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "2020"))
A_TURN = 12
OF_HANDLERS = ("evt-intake", "evt-scoring", "evt-inspection", "evt-notification")
TOLD_AGAIN = "reconcile--"  # what is not understood there is said again in the next round
MOST_MUTATIONS = 4
TEXTS = ("", " ", "\0", "\ud800", "\u202e", "é", "x" * 300, "9" * 400, "null", "2020", "-1", "{}")
NUMBERS = (0, -1, 2**31, 2**63, 2**200, 1e308, float("nan"), float("-inf"), True, None)
INSTANTS = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2020-02-30T00:00:00Z", "now")
CONTENT_TYPES = (
    CONTENT_TYPE,
    "application/json",
    "",
    "text/plain; charset=é",
    CONTENT_TYPE.upper(),
)
PROPERTIES = {
    "content_type": (b"\xff\xfe", b"", CONTENT_TYPE.encode(), b"a" * 255),
    "content_encoding": (b"gzip", b"\x80", b"utf-16"),
    "message_id": (b"\xc3\x28", b"", b"m" * 255),
    "correlation_id": (b"\xff", b"c"),
    "type": (b"\xed\xa0\x80",),
    "app_id": (b"\xff\xff",),
    "reply_to": (b"nobody",),
    "priority": (0, 255),
    "delivery_mode": (1, 2),
    "expiration": (b"1", b"60000"),
    "timestamp": (0, 2**40, 2**63 - 1),
}


@dataclass(frozen=True)
class Sent:
    """Spoiled bytes and the queues that they went to."""

    body: bytes
    queues: tuple[str, ...]


class Spoiler:
    """Makes messages that nobody can handle, of good ones that went over the same road."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.seen = {}

    def learn(self, road, body):
        self.seen.setdefault(road, []).append(body)

    def body(self, road):
        """Bytes that no reader of ours takes for an event."""
        kind = self.random.choice((self._noise, self._bitten, self._mutated, self._mutated))
        while (body := kind(road)) is None or _is_event(body):
            kind = self.random.choice((self._noise, self._bitten, self._mutated))
        return body

    def headers(self):
        names = ("Laurel-Signature", "x-death", "traceparent", "x-delivery-count", "\0", "a" * 100)
        values = (*TEXTS[:3], *TEXTS[4:], 1, True, None, [{"count": "x"}], {"a": {"b": [1]}}, 2**40)
        picked = self.random.sample(names, self.random.randrange(4))
        return {name: self.random.choice(values) for name in picked}

    def content_type(self):
        return self.random.choice(CONTENT_TYPES)

    def properties(self, exchange):
        """AMQP's own, in bytes; who puts a deadline on a dead letter wants it forgotten."""
        known = sorted(set(PROPERTIES) - ({"expiration"} if exchange == "laurel.dead" else set()))
        names = self.random.sample(known, self.random.randrange(4))
        return {name: self.random.choice(PROPERTIES[name]) for name in names}

    def _noise(self, _road):
        return self.random.randbytes(self.random.choice((0, 1, 7, 64, 3000))) + new_id().encode()

    def _bitten(self, road):
        """A good body with some bytes cut out, doubled or changed."""
        body = bytearray(self._good(road))
        for _ in range(self.random.randint(1, MOST_MUTATIONS)):
            at, length = self.random.randrange(len(body) + 1), self.random.randrange(40)
            body[at : at + length] = self.random.choice(
                (b"", body[at : at + length] * 2, self.random.randbytes(length))
            )
        return bytes(body)

    def _mutated(self, road):
        """A good event with some values replaced at any depth; None where that cannot be sent."""
        event = json.loads(self._good(road)) | {"id": new_id()}
        for _ in range(self.random.randint(1, MOST_MUTATIONS)):
            holder, key = self.random.choice(list(_places(event)))
            holder[key] = self._strange(holder[key])
        try:
            return json.dumps(event).encode()
        except RecursionError:
            return None

    def _strange(self, value):
        deep = value
        for _ in range(self.random.choice((1, 40, 400))):
            deep = [deep]
        return self.random.choice((*TEXTS, *NUMBERS, *INSTANTS, deep, {"a": value}, [], {}))

    def _good(self, road):
        known = self.seen.get(road) or [body for bodies in self.seen.values() for body in bodies]
        return self.random.choice(known or [b'{"specversion": "1.0"}'])


class FuzzedRound(Round):
    """Before each turn some spoiled messages are put beside what the round itself has sent."""

    def __init__(self, directory, environ):
        super().__init__(directory, environ)
        self.spoiler, self.sent, self.left = Spoiler(SEED), [], MESSAGES
        self._raw = None if self.broker.forgets else _channel(self.settings.broker_url)
        self._consumers = [(one, self._learning(take)) for one, take in self._consumers]

    def turn(self):
        for _ in range(min(self.left, A_TURN)):
            self.spoil()
        return super().turn()

    def settle(self, rounds=500):
        for _ in range(rounds):
            if not self.turn():
                return
        raise AssertionError(f"still moving after {rounds} rounds")

    def spoil(self):
        """One message that nobody can handle, on one queue's road."""
        self.left -= 1
        queue = self.spoiler.random.choice(self.topology.queues)
        exchange, key = self.spoiler.random.choice(queue.bindings)
        key = key.replace("*", "agency-a").replace("#", "inspection.reported")
        body = self.spoiler.body((exchange, key))
        if self._raw is None or self.spoiler.random.random() < 0.5:
            message = Message(
                exchange, key, body, new_id(), self.spoiler.content_type(), self.spoiler.headers()
            )
            publisher = self.broker.publisher()
            assert publisher.publish([message]).failure is None
            publisher.close()
        else:
            properties = self.spoiler.properties(exchange)
            self._raw.basic_publish(amqp.Message(body, **properties), exchange, key)
        heard = [q.name for q in self.topology.queues if (exchange, key) in q.bindings]
        self.sent.append(Sent(body, tuple(heard)))

    def close(self):
        if self._raw is not None:
            self._raw.connection.close()
        super().close()

    def _learning(self, take):
        def learn(deliveries):
            for one in deliveries:
                if _is_event(one.body):
                    self.spoiler.learn((one.exchange, one.routing_key), one.body)
            return take(deliveries)

        return learn


def _channel(url):
    parts = parse_url(url)
    connection = amqp.Connection(
        f"{parts['hostname']}:{parts['port']}",
        userid=parts["userid"],
        password=parts["password"],
        virtual_host=parts["virtual_host"],
    )
    connection.connect()
    channel = connection.channel()
    channel.confirm_select()
    return channel


def _is_event(body):
    try:
        decode(body, CONTENT_TYPE)
    except Exception:  # noqa: BLE001 - whatever it raises, it took the bytes for no event
        return False
    return True


def _places(value):
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield value, key
        if isinstance(inner, dict | list):
            yield from _places(inner)


@pytest.fixture
def fuzzed(both_stacks, tmp_path):
    with FuzzedRound(tmp_path, both_stacks) as round_:
        yield round_


def test_spoiled_messages_on_every_queue_cost_nothing_but_themselves(fuzzed):
    (project,) = fuzzed.designate(1)
    fuzzed.register_agencies()
    inspections = fuzzed.draw()
    fuzzed.send(fuzzed.report(inspections[project], score="41.5", result="breach"))
    fuzzed.settle()
    while fuzzed.left > 0:
        fuzzed.settle()
    (revocation,) = fuzzed.revocations()
    assert set(NEEDED_OUTLETS) <= set(revocation["outlets"])
    assert revocation["missing"] == []
    assert unhandled(fuzzed) == []
    assert unkept(fuzzed) == []


def unhandled(round_):
    """Pairs of an event of the round and a queue that it was for, without their inbox row."""
    handled = set()
    for service in round_.services:
        with round_.session(service) as session:
            handled |= set(session.execute(select(inbox.c.handler, inbox.c.event_id)).all())
    missing = []
    for service in round_.services:
        with round_.session(service) as session:
            for row in session.execute(select(outbox)).all():
                queues = [
                    queue
                    for queue in round_.topology.queues
                    if (row.exchange, row.routing_key) in queue.bindings
                ]
                missing += [
                    (queue.name, row.event_id)
                    for queue in queues
                    if (queue.name.rpartition("--")[2], row.event_id) not in handled
                ]
    return missing


def unkept(round_):
    """What was spoiled and is neither parked with its bytes nor among the agencies' messages."""
    kept = set()
    for service in round_.services:
        with round_.session(service) as session:
            kept |= set(session.execute(select(parked.c.handler, parked.c.body)).all())
    with round_.session("inspection") as session:
        messages = set(session.scalars(select(Kept.body)))
    bodies = messages | {body for _handler, body in kept}

    def is_kept(queue, body):
        if queue.startswith(OF_HANDLERS):
            return (queue.rpartition("--")[2], body) in kept
        return body in bodies or queue.startswith(TOLD_AGAIN)

    return [
        (queue, sent.body[:200])
        for sent in round_.sent
        for queue in sent.queues
        if not is_kept(queue, sent.body)
    ]
