"""What two decisions do to each other that neither has seen: each ends as if one came first."""

import pytest
from sqlalchemy import select

from services.inspection.commands import agencies, decisions, messages, plans
from services.inspection.commands.message_checks import Incoming
from services.inspection.models.inspections import Inspection
from services.inspection.models.projects import Project, Task
from shared.spine.envelope import CONTENT_TYPE
from shared.testing import acting
from tests.inspection.conftest import OPENED
from tests.side_by_side import side_by_side

NEW = "91350100M000100Y43"


class Table:
    """One project, drawn or to be drawn for agency-a, and what people do about it."""

    def __init__(self, office):
        self.office = office
        (self.project,) = office.designate()
        office.register("agency-a", inspectors=2)

    @property
    def context(self):
        return acting(self.office.clock.now())

    def rows(self, model):
        with self.office.database.reading() as session:
            return list(session.scalars(select(model)))

    def inspection(self):
        (row,) = self.rows(Inspection)
        return row

    def draw(self, plan):
        opened = (OPENED["secrets"], OPENED["public_value"])
        return lambda session: plans.draw_plan(session, plan["id"], *opened, self.context)

    def declare(self, party, inspector="agency-a-0"):
        entry = {"code": inspector, "name": "Zhao", "agency": "agency-a", "conflicts": [party]}
        return lambda session: agencies.register_inspector(session, entry, self.context)

    def report(self, inspection, **changes):
        body, signature = self.office.signed(inspection, **changes)
        incoming = Incoming(body, CONTENT_TYPE, signature, "https")
        return lambda session: messages.receive_message(session, incoming, self.context)

    def fail(self, inspection):
        return self.report(inspection, score="41.5", result="breach")

    def replace(self):
        task = Task(
            id="C1",
            project=self.project,
            kind="merger",
            summary="x",
            reported_at=self.office.clock.now(),
        )
        with self.office.database.transaction() as session:
            session.add(task)
        values = {
            "decision": "replaced", "uscc": NEW, "name": "n", "reason": "r",
            "contact_email": "a@b.example",
        }  # fmt: skip
        return lambda session: decisions.decide_change(session, "C1", values, self.context)

    def undertaker(self):
        (row,) = self.rows(Project)
        return row.undertaker["uscc"]

    def both(self, first, second, *, in_order):
        side_by_side(self.office.database, *((first, second) if in_order else (second, first)))


@pytest.fixture
def table(busy):
    return Table(busy)


@pytest.mark.parametrize("in_order", [True, False])
def test_a_draw_and_a_conflict_at_once_leave_nobody_in_conflict(table, in_order):
    plan = table.office.plan(table.project)
    table.both(table.draw(plan), table.declare(table.undertaker()), in_order=in_order)
    assert table.inspection().outcome == "void"
    assert [task.kind for task in table.rows(Task)] == ["void"]


@pytest.mark.parametrize("in_order", [True, False])
def test_a_new_undertaker_and_a_conflict_with_it_at_once_void(table, in_order):
    table.office.draw(table.project)
    table.both(table.replace(), table.declare(NEW), in_order=in_order)
    assert table.inspection().outcome == "void"


@pytest.mark.parametrize("in_order", [True, False])
def test_a_report_and_a_conflict_at_once_conclude_an_inspection_once(table, in_order):
    inspection = table.office.draw(table.project)[table.project]
    acts = table.fail(inspection), table.declare(table.undertaker())
    table.both(*acts, in_order=in_order)
    outcome = "fail" if in_order else "void"
    (completed,) = table.office.events("inspection.completed")
    assert (completed.data["outcome"], table.inspection().outcome) == (outcome, outcome)
    assert table.office.state(table.project) == ("RECTIFYING" if in_order else "DESIGNATED")


@pytest.mark.parametrize("in_order", [True, False])
def test_two_conflicts_about_one_inspection_at_once_void_it_once(table, in_order):
    table.office.draw(table.project)
    one, other = (table.declare(table.undertaker(), f"agency-a-{n}") for n in range(2))
    table.both(one, other, in_order=in_order)
    assert len(table.office.events("inspection.completed")) == 1
    assert [task.kind for task in table.rows(Task)] == ["void"]


def test_what_is_drawn_beside_an_order_reinspects_it(table):
    first = table.office.draw(table.project)[table.project]
    plan = table.office.plan(table.project)
    table.both(table.fail(first), table.draw(plan), in_order=True)
    (again,) = [row for row in table.rows(Inspection) if row.inspection != first]
    assert again.order == first
    table.office.report(again.inspection, score="95")
    assert table.office.state(table.project) == "DESIGNATED"


@pytest.mark.parametrize("in_order", [True, False])
def test_a_report_and_a_new_undertaker_in_conflict_at_once_end_and_do_not_lock_up(table, in_order):
    inspection = table.office.draw(table.project)[table.project]
    with table.office.database.transaction() as session:
        table.declare(NEW)(session)
    table.both(table.fail(inspection), table.replace(), in_order=in_order)
    assert len(table.office.events("inspection.completed")) == 1
    assert table.undertaker() == NEW
