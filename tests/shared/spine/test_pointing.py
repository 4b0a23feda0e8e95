"""A parked event whose handler is gone is taken by another, once, and its history tells by whom."""

import pytest

from shared.spine.envelope import encode
from shared.spine.parking import decisions
from tests.shared.spine.rows import HANDLER, park, parked_row
from tests.shared.spine.test_delivery import event, send

OLD = "scoring.was_renamed"


@pytest.fixture
def lost(stack):
    """The id of a parked event that nobody takes any more, as the spine has found out."""
    told = event("2020")
    row = parked_row(handler=OLD, event_id=told.id, body=encode(told), state="waiting")
    park(stack, row | {"due_at": row["parked_at"]})
    assert stack.retry_parked() == 1
    return row["id"]


def retry(stack, parked_id, status=202, **body):
    answer = stack.http("scoring").post(
        f"/v1/events/parked/{parked_id}/retry", json=body, headers=stack.token("operator", sub="li")
    )
    assert answer.status_code == status, answer.text
    return answer.json


def test_another_handler_takes_it_and_the_history_says_who_and_why(stack, lost):
    (row,) = stack.parked_rows()
    assert (row.state, row.error) == ("held", "unknown-handler")
    kind = row.fingerprint
    assert f"laurel events retry {lost} --to" in row.detail
    retry(stack, lost, to=HANDLER, reason="it has a new name")
    (row,) = stack.parked_rows()
    assert (row.handler, row.fingerprint != kind) == (HANDLER, True)
    assert stack.retry_parked() == 1
    assert stack.effects() == ["2020"]
    with stack.session("scoring") as session:
        steps = decisions.history(session, lost)
    assert [(step["who"], step["what"], step["why"]) for step in steps[1:]] == [
        ("operator:li", f"pointed at {HANDLER}", "it has a new name"),
        ("operator:li", "retry asked", "it has a new name"),
        ("spine", "handled", "on retry"),
    ]


def test_what_the_other_has_handled_already_is_not_done_again(stack, lost):
    (row,) = stack.parked_rows()
    send(stack, row.body)
    stack.turn()
    retry(stack, lost, to=HANDLER)
    assert stack.retry_parked() == 1
    assert stack.parked_rows()[0].state == "handled"
    assert stack.effects() == ["2020"]
    assert "is handled already" in retry(stack, lost, 409, to=HANDLER)["detail"]


def test_a_name_that_nobody_has_is_refused_with_those_that_somebody_has(stack, lost):
    refused = retry(stack, lost, 422, to="scoring.dreamt")
    (error,) = refused["errors"]
    known = error["message"].removeprefix("must be one of ").split(", ")
    assert (error["field"], HANDLER in known, known == sorted(known)) == ("to", True, True)
    assert refused["detail"].startswith("No handler is called 'scoring.dreamt': to must be one of")
    assert stack.parked_rows()[0].handler == OLD


def test_what_the_other_has_parked_itself_is_not_parked_twice(stack, lost):
    (row,) = stack.parked_rows()
    park(stack, parked_row(event_id=row.event_id))
    assert "has this event parked already" in retry(stack, lost, 409, to=HANDLER)["detail"]
