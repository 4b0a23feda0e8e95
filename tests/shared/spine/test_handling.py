"""What a handler is given, however its event comes to it, and what is kept of what it raises."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text, update

from shared.catalogue import PROGRAMME_PUBLISHED
from shared.spine import parking
from shared.spine.broker import Delivery
from shared.spine.entrypoints import handles
from shared.spine.handlers import MessageHandler
from shared.spine.inbox import handle_messages
from shared.spine.parking.decisions import Decision, Wanted, decide, decide_one, page
from shared.spine.patience import Patience
from shared.spine.relay import RelayError
from shared.spine.tables import inbox, outbox, parked, replays
from shared.telemetry import REGISTRY
from tests.shared.spine.conftest import Keeper, Stack
from tests.shared.spine.rows import ago, parked_row, put
from tests.shared.spine.test_delivery import send
from tests.shared.spine.test_poison import spoiled

PROGRAMME_TIME = datetime(2020, 10, 12, 8, tzinfo=UTC)


class Witness(Keeper):
    """Notes the time that it is told with each event."""

    told = {}

    @handles(PROGRAMME_PUBLISHED)
    def keep_programme(self, session, event, context):
        self.told[event.subject] = context.now
        super().keep_programme(session, event, context)


@pytest.fixture
def witness(tmp_path, environ):
    with Stack(tmp_path, environ, keeper=Witness) as stack:
        stack.clock.set(PROGRAMME_TIME)
        stack.keeper.told = {}
        yield stack


def is_programme_time(told):
    return {name: abs(at - PROGRAMME_TIME) < timedelta(hours=1) for name, at in told.items()}


def broken(session):
    session.execute(text("SELECT nothing FROM nowhere"))


def test_programme_time_is_told_together_alone_and_on_a_retry(witness):
    witness.keeper.surprises = {"bad": [broken, broken]}  # nobody is blamed: each is handled alone
    witness.publish("first", "bad")
    with pytest.raises(AssertionError, match="nowhere"):
        witness.settle()
    assert is_programme_time(witness.keeper.told) == {"first": True, "bad": True}
    witness.keeper.told.clear()
    witness.make_due()
    assert witness.retry_parked() == 1
    assert is_programme_time(witness.keeper.told) == {"bad": True}
    witness.publish("last")
    witness.settle()
    assert is_programme_time(witness.keeper.told) == {"bad": True, "last": True}


def message(number=0):
    return Delivery(f"m{number}".encode(), {}, "text/plain", "agency.a.x", None, 1)


def test_a_partner_s_message_has_a_transaction_and_programme_time(stack):
    stack.clock.set(PROGRAMME_TIME)
    told = {}

    def take(session, delivery, context):
        told[delivery.body] = session.scalar(select(1)), context.now

    handler = MessageHandler("scoring.take", "agency.*.x", take)
    handle_messages(stack.runtime("scoring").database, handler, [message()], stack.clock)
    ((one, at),) = told.values()
    assert (one, abs(at - PROGRAMME_TIME) < timedelta(hours=1)) == (1, True)


def test_what_a_partner_s_message_raised_is_kept_with_its_words_and_costs_no_other(stack):
    taken = []

    def take(_session, delivery, _context):
        if delivery.body == b"m0":
            raise RuntimeError("no luck with m0")
        taken.append(delivery.body)

    handler = MessageHandler("scoring.take", "agency.*.x", take)
    both = [message(0), message(1)]
    handle_messages(stack.runtime("scoring").database, handler, both, stack.clock)
    (row,) = stack.parked_rows()
    assert (row.handler, row.error, row.detail) == (
        "scoring.take",
        "RuntimeError",
        "no luck with m0",
    )
    assert taken == [b"m1"]


def test_a_failure_waits_ever_longer_until_an_operator_is_asked(stack):
    stack.keeper.failing = {"bad"}
    stack.publish("bad")
    with pytest.raises(AssertionError, match="no luck"):
        stack.settle()
    for attempts in range(1, Patience().attempts):
        (row,) = stack.parked_rows()
        assert (row.attempts, row.state) == (attempts, "waiting")
        assert row.due_at > ago(seconds=30)
        stack.make_due()
        assert stack.retry_parked() == 1
    (row,) = stack.parked_rows()
    assert (row.attempts, row.state, row.due_at) == (Patience().attempts, "held", None)


def test_what_is_not_settled_is_counted(stack):
    states = ("waiting", "held", "handled", "discarded")
    with stack.session("scoring") as session:
        assert parking.open_count(session) == 0
    rows = [parked_row(state=state, due_at=ago(hours=-1)) for state in states]
    put(stack, "scoring", parked, *rows)
    with stack.session("scoring") as session:
        assert parking.open_count(session) == 2


def test_what_was_given_up_without_a_sender_is_known_all_the_same(stack):
    row = parked_row(source=None, subject=None, event_type=None)
    put(stack, "scoring", parked, row)
    with stack.session("scoring") as session:
        decide_one(session, row["id"], Decision.DISCARD, actor="li", why="a test's own")
    (known,) = stack.rows("scoring", inbox)
    assert (known.event_id, known.source, known.about) == (row["event_id"], "", "")


def test_what_is_taken_back_for_one_handler_is_not_for_another(stack):
    mine = parked_row()
    other = parked_row(event_id=mine["event_id"], handler="scoring.other")
    put(stack, "scoring", parked, mine, other)
    with stack.session("scoring") as session:
        for row in (mine, other):
            decide_one(session, row["id"], Decision.DISCARD, actor="li", why="a test's own")
        session.execute(update(inbox).values(handled_at=PROGRAMME_TIME))
        session.execute(update(parked).values(settled_at=PROGRAMME_TIME))
        decide_one(session, mine["id"], Decision.RESTORE, actor="li", why="it was not")
    assert [row.handler for row in stack.rows("scoring", inbox)] == ["scoring.other"]


@pytest.mark.parametrize("kind", ["blocked", "connection", "timeout"])
def test_a_window_s_failure_is_named_by_its_first_word(kind):
    assert RelayError(f"{kind}: the rest").kind == kind


def test_of_what_is_sent_again_the_refused_one_backs_off_alone(stack):
    (event,) = stack.publish("2020")
    stack.settle()
    (row,) = stack.rows("intake", outbox)
    keys = ("nobody.listens", "programme.published")
    put(stack, "intake", replays, *({"position": row.position, "routing_key": key} for key in keys))
    for relay in stack._relays:
        relay.publish_window()
    (left,) = stack.rows("intake", replays)
    assert (left.routing_key, left.attempts) == ("nobody.listens", 1)
    assert left.due_at > ago(seconds=30)
    assert left.error.startswith("unroutable")
    (row,) = stack.rows("intake", outbox)
    assert (row.event_id, row.attempts, row.error) == (event.id, 0, None)


def test_a_row_that_waits_for_an_exchange_keeps_its_own_time_when_a_new_one_is_refused(real_stack):
    real_stack.publish("tried", "new")
    later = ago(hours=-1)
    with real_stack.session("intake") as session:
        session.execute(update(outbox).values(exchange="nowhere.events"))
        tried = update(outbox).where(outbox.c.subject == "tried")
        session.execute(tried.values(attempts=5, due_at=later, error="its own"))
    relay = real_stack.relay()
    for _ in range(5):  # the first windows find out which one it is
        relay.publish_window()
    relay.close()
    rows = {row.subject: row for row in real_stack.rows("intake", outbox)}
    assert rows["new"].attempts == 1
    assert (rows["tried"].attempts, rows["tried"].due_at) == (5, later)
    assert rows["tried"].error == "its own"


def test_a_list_of_what_is_parked_holds_no_bytes(stack):
    put(stack, "scoring", parked, parked_row(), parked_row())
    with stack.session("scoring") as session:
        rows = page(session, Wanted(), ["held"], after="", limit=1)
    assert len(rows) == 1
    assert "body" not in rows[0]._fields
    assert rows[0].subject == "2020"


LATER = ago(hours=-1)


@pytest.mark.parametrize(
    ("decision", "state", "is_due", "is_settled"),
    [
        (Decision.RETRY, "waiting", True, False),
        (Decision.DISCARD, "discarded", False, True),
        (Decision.RESTORE, "held", False, False),
    ],
)
def test_a_decision_says_when_it_is_tried_and_when_it_was_settled(
    stack, decision, state, is_due, is_settled
):
    """What waits for later is asked for at once; what was given up is settled until taken back."""
    given_up = {"state": "discarded", "settled_at": LATER}
    waiting = {"state": "waiting", "due_at": LATER}
    put(stack, "scoring", parked, parked_row(**given_up if state == "held" else waiting))
    with stack.session("scoring") as session:
        assert len(decide(session, Wanted(), decision, actor="li", why="a test's own")) == 1
    (row,) = stack.parked_rows()
    assert row.state == state
    assert (row.due_at is not None and row.due_at < LATER) is is_due
    assert (row.settled_at is not None) is is_settled


def test_what_was_handled_at_last_is_settled_and_due_no_more(stack):
    stack.keeper.failing = {"bad"}
    stack.publish("bad")
    with pytest.raises(AssertionError, match="no luck"):
        stack.settle()
    stack.keeper.failing = set()
    stack.make_due()
    before = datetime.now(UTC)
    assert stack.retry_parked() == 1
    (row,) = stack.parked_rows()
    assert (row.state, row.due_at) == ("handled", None)
    assert before <= row.settled_at <= datetime.now(UTC)


def parked_count(name):
    labels = {"service": "scoring", "event": name, "outcome": "parked"}
    return REGISTRY.get_sample_value("laurel_events_handled_total", labels) or 0


def test_what_is_parked_is_counted_by_its_type(stack):
    stack.keeper.surprises = {"bad": [broken, broken]}
    before = parked_count("programme.published")
    stack.publish("bad")
    with pytest.raises(AssertionError, match="nowhere"):
        stack.settle()
    assert parked_count("programme.published") == before + 1


def test_an_event_that_breaks_its_schema_is_parked_as_what_it_is(stack):
    send(stack, spoiled(subject="2020", data={"programme": 7}))
    stack.publish("good")
    while stack.turn():
        pass
    (row,) = stack.parked_rows()
    assert (row.error, row.state, row.event_type) == ("schema", "held", "programme.published")
    assert (row.subject, row.source) == ("2020", "intake")
    assert stack.effects() == ["good"]
