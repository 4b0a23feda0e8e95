"""Ten thousand parked events: every list is a page, every decision a batch, no query grows."""

import json
from contextlib import contextmanager

import pytest
from sqlalchemy import event, text

from shared.spine.parking import decisions
from shared.spine.parking.decisions import Wanted
from tests.shared.spine.rows import ago, park, parked_row

MANY, LIMIT = 10_000, 50
MOST_STATEMENTS = 6
STATES = ("waiting", "held", "handled", "discarded")


def fill(stack, count):
    """Parked events of 4 states and 20 kinds, with bodies as large as real ones."""
    body = b"x" * 2_000
    park(
        stack,
        *(
            parked_row(
                state=STATES[number % 4],
                subject=f"p{number}",
                body=body,
                error=f"Error{number // 4 % 20}",
                due_at=ago(hours=-1) if number % 4 == 0 else None,
                settled_at=ago(hours=1) if number % 4 > 1 else None,
            )
            for number in range(count)
        ),
    )
    if not stack.broker.forgets:
        with stack.session("scoring") as session:
            session.execute(text("ANALYZE parked"))


@contextmanager
def statements(stack):
    """What is asked of the keeping service's database."""
    asked = []

    def note(_connection, _cursor, statement, parameters, *_more):
        if not statement.startswith(("BEGIN", "PRAGMA")):
            asked.append((statement, parameters))

    engine = stack.runtime("scoring").database.engine
    event.listen(engine, "before_cursor_execute", note)
    yield asked
    event.remove(engine, "before_cursor_execute", note)


def routes(stack):
    """Every route over parked events: what it is, and how it is called."""
    row = stack.parked_rows()[0]
    group = {"group": row.fingerprint}
    reason = {"reason": "no use"}
    return {
        "list": ("GET", "parked", {"limit": LIMIT}),
        "list of a group": ("GET", "parked", group | {"limit": LIMIT}),
        "list of a state": ("GET", "parked", {"state": "handled", "limit": LIMIT}),
        "groups": ("GET", "groups", {}),
        "show": ("GET", f"parked/{row.id}", {}),
        "count": ("POST", "retry", {"count_only": True}),
        "retry": ("POST", "retry", {}),
        "retry of a group": ("POST", "retry", group),
        "discard": ("POST", "discard", reason),
        "restore": ("POST", "restore", reason),
    }


def call(stack, method, path, values):
    client, token = stack.http("scoring"), stack.token("operator")
    how = {"query_string": values} if method == "GET" else {"json": values}
    answer = client.open(f"/v1/events/{path}", method=method, headers=token, **how)
    assert answer.status_code in (200, 202), answer.text
    return answer.json


def costs(stack):
    """How many statements each route takes, and the most rows that it lists or changes."""
    told = {}
    for name, (method, path, values) in routes(stack).items():
        with statements(stack) as asked:
            answer = call(stack, method, path, values)
        told[name] = len(asked), max(len(answer.get("items", [])), answer.get("changed", 0))
    return told


def test_every_route_takes_a_few_statements_and_gives_a_page_or_a_batch(stack):
    fill(stack, MANY)
    many = costs(stack)
    assert max(count for count, _rows in many.values()) <= MOST_STATEMENTS
    assert max(rows for _count, rows in many.values()) <= decisions.BATCH
    assert many["list"][1] == many["list of a state"][1] == LIMIT


def plan_nodes(plan):
    yield plan
    for part in plan.get("Plans", []):
        yield from plan_nodes(part)


@pytest.mark.long
@pytest.mark.parametrize(
    ("wanted", "states", "most"),
    [
        (Wanted(), ("waiting", "held"), LIMIT * len(STATES)),
        (Wanted(), ("discarded",), LIMIT * len(STATES)),
        (Wanted(group="one"), ("waiting", "held"), MANY // len(STATES)),
        (Wanted(group="one"), ("handled",), MANY // len(STATES)),
    ],
)
def test_a_page_of_a_state_or_group_reads_no_whole_table(real_stack, wanted, states, most):
    """Of a group PostgreSQL may choose to read its state by id, as long as both are small."""
    fill(real_stack, MANY)
    if wanted.group:
        wanted = Wanted(group=real_stack.parked_rows()[0].fingerprint)
    after = sorted(row.id for row in real_stack.parked_rows())[MANY // 2]
    with statements(real_stack) as asked, real_stack.session("scoring") as session:
        decisions.page(session, wanted, states, after, LIMIT)
    ((statement, parameters),) = asked
    with real_stack.session("scoring") as session:
        explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
        (told,) = session.connection().exec_driver_sql(explain, parameters).one()
    (plan,) = told if isinstance(told, list) else json.loads(told)
    nodes = [node for node in plan_nodes(plan["Plan"]) if node.get("Relation Name") == "parked"]
    assert nodes
    for node in nodes:
        assert node["Node Type"] != "Seq Scan"
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        assert read * node["Actual Loops"] <= most
