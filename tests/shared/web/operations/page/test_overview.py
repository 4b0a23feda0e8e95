"""The first page: every figure is the one of the database or of the metrics, and it is bounded."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, select, text

from shared.spine import gauges, tables
from shared.spine.broker import Message
from shared.spine.tables import reconciliation
from shared.telemetry import CONSUMERS, DEAD_LETTERS, EVENT_DELAY, EVENTS_HANDLED, QUEUE_MESSAGES

TILE = re.compile(
    r'<li class="(\w+)"><a href="#(\w+)"><span>([^<]+)</span><strong>([^<]+)</strong>'
)
TAG = re.compile(r"<[^>]+>")
MANY = 10_000
LARGEST_PAGE = 200_000
QUEUE = "evt-intake-programme.published--scoring.keep_programme"


def tiles(page):
    return {label: (value, level) for level, _anchor, label, value in TILE.findall(page)}


def rows(page, section):
    """The texts of a section's table, row by row."""
    inside = page.split(f'<section id="{section}">')[1].split("</section>")[0]
    found = re.findall(r"<tr>(.*?)</tr>", inside.partition("<tbody>")[2], re.DOTALL)
    cells = [re.findall(r"<td[^>]*>(.*?)</td>", row, re.DOTALL) for row in found]
    return [[" ".join(TAG.sub(" ", cell).split()) for cell in row] for row in cells]


def statements(desk, path):
    engine, seen = desk.runtime("scoring").database.engine, []
    note = lambda *arguments: seen.append(arguments[2])  # noqa: E731 - removed below
    event.listen(engine, "before_cursor_execute", note)
    desk.read(path)
    event.remove(engine, "before_cursor_execute", note)
    return len(seen)


@pytest.fixture
def metrics():
    """The process's metrics of this service as at its start."""
    for metric in (CONSUMERS, DEAD_LETTERS, EVENT_DELAY, EVENTS_HANDLED, QUEUE_MESSAGES):
        metric.clear()


def test_a_calm_service_says_so(desk, metrics):
    page = desk.read()
    assert "✓ Ready" in page
    assert tiles(page) == {
        "Outbox": ("0", "ok"), "In queues": ("0", "ok"), "Consumers": ("0 of 0", "ok"),
        "Parked": ("0", "ok"), "Missing": ("0", "ok"),
    }  # fmt: skip
    assert "Nothing is parked." in page


def test_it_is_called_a_rehearsal_where_it_is_one(desk):
    assert "Rehearsal" in desk.read()
    assert "Rehearsal" in desk.client.get("/operations/login").text


def test_the_four_services_are_one_click_apart(desk):
    page = desk.read()
    for service in ("intake", "inspection", "notification"):
        assert f'href="{desk.settings.url_of(service)}/operations"' in page
    assert '<a href="/operations" aria-current="page">scoring</a>' in page


def test_groups_stand_with_count_example_and_times_the_largest_first(desk):
    desk.park(3)
    desk.park(5, error="ValueError", detail="no such 'place'")
    desk.park(2, state="discarded", detail="out of sight")
    groups = [row[:3] for row in rows(desk.read(), "parked")]
    assert groups == [
        ["5", "scoring.keep_programme", "ValueError no such &#39;place&#39;"],
        ["3", "scoring.keep_programme", "RuntimeError no luck with 0"],
    ]
    assert tiles(desk.read())["Parked"] == ("8", "warn")
    assert rows(desk.read(), "parked")[0][3:5] == ["5 min ago", "5 min ago"]


def test_an_outbox_that_does_not_move_needs_somebody(desk):
    recorded = datetime.now(UTC) - timedelta(minutes=3)
    waiting = {
        "exchange": "scoring.events", "routing_key": "application.scored", "subject": "p",
        "about": "p", "sequence": 1, "urgent": False, "body": b"{}", "recorded_at": recorded,
    }  # fmt: skip
    with desk.session("scoring") as session:
        session.execute(tables.outbox.insert(), [waiting | {"event_id": f"e{n}"} for n in (1, 2)])
    page = desk.read()
    assert tiles(page)["Outbox"] == ("2", "bad")
    assert "oldest 3 min" in page


def test_queues_stand_with_their_depths_and_missing_consumers_are_seen(desk, metrics):
    publisher = desk.broker.publisher()
    message = Message("intake.events", "programme.published", b"{}", "m", "application/json")
    assert publisher.publish([message, message]).failure is None
    gauges.measure_queues(desk.runtime("scoring"))
    for queue, consumed in (("a", 1), ("b", 0), ("c", 1)):
        CONSUMERS.labels("scoring", queue).set(consumed)
    page = desk.read()
    assert rows(page, "queues") == [[QUEUE, "2"]]
    assert "dead--scoring" in page
    assert tiles(page)["In queues"] == ("2", "ok")
    assert tiles(page)["Consumers"] == ("2 of 3", "bad")
    assert desk.turn() == 2  # the queues of memory:// belong to the whole process


def test_what_was_handled_and_parked_is_counted_with_its_mean_delay(desk, metrics):
    EVENTS_HANDLED.labels("scoring", "programme.published", "handled").inc(4)
    EVENTS_HANDLED.labels("scoring", "programme.published", "parked").inc()
    EVENTS_HANDLED.labels("scoring", "unreadable", "parked").inc(2)
    EVENTS_HANDLED.labels("intake", "project.revoked", "handled").inc(9)
    for seconds in (0.01, 0.03):
        EVENT_DELAY.labels("scoring", "programme.published").observe(seconds)
    DEAD_LETTERS.labels("scoring", "delivery_limit").inc()
    page = desk.read()
    flow = rows(page, "flow")
    assert ["programme.published", "4", "1", "20 ms"] in flow
    assert ["unreadable", "0", "2", "—"] in flow
    assert "project.revoked" not in page.split('id="flow"')[1]
    assert "delivery_limit" in page


def test_both_ends_are_compared_at_the_press_of_a_button(desk):
    changed = {
        "agreed_to": "",
        "checked_at": datetime.now(UTC),
        "missing": 4,
        "foreign": 1,
        "due_at": datetime.now(UTC) + timedelta(hours=1),
    }
    with desk.session("scoring") as session:
        session.execute(reconciliation.update().values(**changed))
    page = desk.read()
    assert tiles(page)["Missing"] == ("4", "bad")
    (pair,) = rows(page, "reconciliation")
    assert pair[0] == "scoring.keep_programme of intake"
    assert pair[2:] == ["4", "1"]
    desk.post("/compare")
    with desk.session("scoring") as session:
        row = session.execute(select(reconciliation)).one()
    assert row.due_at <= datetime.now(UTC)
    assert (row.whole, row.dry_run) == (False, False)


def test_it_refreshes_by_itself_only_when_asked_and_can_be_stopped(desk):
    assert "http-equiv" not in desk.read()
    page = desk.read("?refresh=true")
    assert '<meta http-equiv="refresh" content="10">' in page
    assert '<a class="button plain" href="/operations">Stop refreshing</a>' in page


def test_a_schema_of_another_version_is_told_with_the_command_to_run(desk):
    with desk.session("scoring") as session:
        session.execute(text("DELETE FROM alembic_version"))
    assert "Run: laurel migrate scoring" in desk.read()


@pytest.mark.long
@pytest.mark.parametrize("name", ["desk", "real_desk"])
def test_pages_cost_the_same_with_ten_thousand_parked_events(name, request):
    desk = request.getfixturevalue(name)
    desk.park(100, detail="x" * 2_000)
    paths = ("", "/parked", "/decide?decision=discard", "/parked?error=RuntimeError")
    few = [statements(desk, path) for path in paths]
    each = MANY // 500
    for number in range(500):
        desk.park(each, error=f"Error{number}", detail="x" * 2_000)
    assert [statements(desk, path) for path in paths] == few
    assert all(len(desk.read(path)) < LARGEST_PAGE for path in paths)
    assert "The 50 largest groups; there are more." in desk.read()
