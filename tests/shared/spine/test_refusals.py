"""Rows that the broker refuses back off alone, and nothing in an outbox waits behind them."""

from contextlib import suppress

import pytest
from sqlalchemy import select, update

from deploy.local.process import wait_until
from shared.spine import gauges
from shared.spine.parking.decisions import BATCH
from shared.spine.relay import RelayError
from shared.spine.tables import outbox
from shared.telemetry import REGISTRY

SECONDS = 60


def spoil(stack, name, **values):
    with stack.session("intake") as session:
        session.execute(update(outbox).where(outbox.c.subject == name).values(**values))


def refused(stack):
    rows = stack.rows("intake", outbox)
    return {row.subject: row for row in rows if row.published_at is None}


def publish_all(stack):
    """What the service does until nothing is due."""
    for relay in stack.relays():
        relay.publish_window()
        while relay.is_behind:
            relay.publish_window()


def test_a_good_row_behind_more_unroutable_ones_than_a_window_holds_arrives(stack):
    bad = [f"bad{number:03d}" for number in range(BATCH + 1)]
    stack.publish(*bad)
    with stack.session("intake") as session:
        session.execute(update(outbox).values(routing_key="nobody.listens"))
    stack.publish("good")
    publish_all(stack)
    assert sorted(refused(stack)) == bad
    stack.settle()
    assert stack.effects() == ["good"]


def test_no_number_of_rows_for_an_exchange_that_is_not_there_keeps_a_good_one_back(real_stack):
    bad = [f"bad{number:03d}" for number in range(100)]
    real_stack.publish(*bad)
    with real_stack.session("intake") as session:
        session.execute(update(outbox).values(exchange="nowhere.events"))
    real_stack.publish("good")
    relay, windows = real_stack.relay(), 0
    while "good" in real_stack.unpublished():
        windows += 1
        assert windows < 20
        with suppress(RelayError):
            relay.publish_window()
    relay.close()
    assert sorted(refused(real_stack)) == bad


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"exchange": "nowhere.events"}, "NOT_FOUND"),
        ({"routing_key": "k" * 300}, "unsendable: "),
        ({"exchange": "laurel.dead", "routing_key": "nobody"}, "unroutable: "),
    ],
    ids=["no such exchange", "a key too long", "no such queue"],
)
def test_one_row_that_the_broker_refuses_is_found_and_backs_off_alone(real_stack, values, words):
    names = [f"p{number:02d}" for number in range(40)]
    real_stack.publish(*names)
    spoil(real_stack, "p17", **values)
    publish_all(real_stack)
    ((name, row),) = refused(real_stack).items()
    assert name == "p17"
    assert row.attempts >= 1  # a slow machine comes to it again
    assert words in row.error
    assert row.due_at is not None
    real_stack.settle()
    assert real_stack.effects() == [name for name in names if name != "p17"]


def test_a_row_larger_than_the_broker_takes_holds_up_no_other(real_stack, private_broker):
    real_stack.deafen()  # a consumer that nobody asks answers no heartbeat, and this can take long
    limit = private_broker.control("eval", "application:get_env(rabbit, max_message_size).")
    private_broker.control("eval", "application:set_env(rabbit, max_message_size, 100000).")
    try:
        real_stack.publish("first")
        with real_stack.session("intake") as session:
            real_stack.record(session, "large", definition={"a": "x" * 200_000})
        real_stack.publish("last")
        publish_all(real_stack)
    finally:
        size = "".join(c for c in limit if c.isdigit())
        private_broker.control("eval", f"application:set_env(rabbit, max_message_size, {size}).")
    assert "PRECONDITION_FAILED" in refused(real_stack)["large"].error
    real_stack.listen()
    real_stack.settle()
    assert real_stack.effects() == ["first", "last"]


def test_a_refused_row_goes_once_it_can_and_is_told_of_until_then(stack):
    stack.publish("2020")
    spoil(stack, "2020", routing_key="nobody.listens")
    publish_all(stack)
    gauges.measure(stack.runtime("intake"))
    labels = {"service": "intake"}
    assert REGISTRY.get_sample_value("laurel_outbox_refused", labels) == 1
    assert REGISTRY.get_sample_value("laurel_outbox_oldest_seconds", labels) == 0
    answer = stack.http("intake").get("/v1/ledger/refused", headers=stack.token("operator"))
    (item,) = answer.json["items"]
    assert (item["subject"], item["attempts"]) == ("2020", 1)
    assert item["error"].startswith("unroutable")
    spoil(stack, "2020", routing_key="programme.published")
    wait_until(lambda: stack.turn() or stack.effects() == ["2020"], SECONDS, "it to go")
    wait_until(lambda: not stack.turn() and stack.effects() == ["2020"], SECONDS, "its effect")
    with stack.session("intake") as session:
        assert session.scalar(select(outbox.c.error)) is None


def test_a_window_that_was_narrowed_grows_again(real_stack):
    relay = real_stack.relay(window=8)
    real_stack.publish(*"abcdefgh")
    spoil(real_stack, "h", exchange="nowhere.events")
    relay.publish_window()
    while relay.is_behind:
        relay.publish_window()
    assert list(refused(real_stack)) == ["h"]
    real_stack.publish(*(f"n{number}" for number in range(8)))
    for _ in range(4):
        relay.publish_window()
    real_stack.publish(*(f"m{number}" for number in range(8)))
    assert relay.publish_window() == 8
    relay.close()
