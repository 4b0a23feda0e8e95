"""The guards that stand in the services: the newest sequence wins, one effect for an epoch."""

from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import delete, func, select

from services.intake import models
from services.intake.commands import applications, bars
from services.intake.service import IntakeService
from shared.catalogue import PROJECT_DESIGNATED, PROJECT_REVOKED
from shared.project import State
from shared.spine.broker import Delivery
from shared.spine.entrypoints import handlers_of
from shared.spine.envelope import CONTENT_TYPE, Event, encode, new_id
from shared.spine.inbox import handle_batch
from shared.spine.tables import outbox
from tests.chaos import oracle
from tests.chaos.guards import guard, replaced

NOW = datetime(2020, 10, 12, 1, tzinfo=UTC)
TWICE_ACKNOWLEDGED = "acknowledged twice"
CODE = "91110000MA0000000H"


class Intake:
    """Intake's handlers on the bench's own database, given events in whatever order."""

    def __init__(self, bench):
        self._runtime = bench.runtime("intake")
        service = IntakeService()
        service.runtime = self._runtime
        self._handlers = handlers_of(service)
        models.Base.metadata.create_all(self._runtime.database.engine)

    def take(self, method, *events):
        """Each event in a batch of its own."""
        for event in events:
            delivery = Delivery(encode(event), {}, CONTENT_TYPE, event.type, None, 1)
            handler = self._handlers[f"intake.{method}"]
            handle_batch(self._runtime.database, handler, [delivery], self._runtime.clock)

    def session(self):
        return self._runtime.database.transaction()

    def draft(self, project):
        """An application that nobody has decided about."""
        with self.session() as session:
            session.add(
                models.Application(
                    project=project,
                    programme="2020",
                    unit="P110000",
                    uscc=CODE,
                    undertaker_name="x",
                    title="x",
                    direction=1,
                    contact_email="c@undertaker.example",
                    state=State.DRAFT,
                    created_at=NOW,
                )
            )

    def state(self, project):
        with self.session() as session:
            return session.get_one(models.Application, project).state


def told(event_type, owner, project, sequence, state):
    """An event about a project, as its owner would publish it."""
    data = {
        "project": project, "programme": "2020", "unit": "P110000", "direction": 1, "title": "x",
        "undertaker": {"uscc": CODE, "name": "x"}, "state": state, "epoch": 1,
    }  # fmt: skip
    return Event(
        new_id(),
        f"/laurel/{owner}",
        event_type.name,
        project,
        NOW,
        sequence,
        new_id(),
        None,
        None,
        data,
    )


def any_sequence(bench):
    """Whatever comes last is taken for the newest."""
    follow = applications.follow_project

    def follow_all(session, event, context):
        known = session.get(models.Application, event.subject).sequence
        follow(session, replace(event, sequence=max(event.sequence, known + 1)), context)

    return replaced(applications, "follow_project", follow_all)


@guard(
    "sequence check",
    "the older event comes after the newer",
    any_sequence,
    watched=frozenset({oracle.STATE}),
    quick=True,
)
def come_out_of_order(bench):
    intake = Intake(bench)
    for project, order in (("calm", (0, 1)), ("late", (1, 0))):
        intake.draft(project)
        events = (
            told(PROJECT_DESIGNATED, "scoring", project, 5, State.DESIGNATED),
            told(PROJECT_REVOKED, "inspection", project, 6, State.REVOKED),
        )
        intake.take("follow_project", *(events[number] for number in order))
    states = {project: intake.state(project) for project in ("calm", "late")}
    bench.note(oracle.STATE, [] if len(set(states.values())) == 1 else [str(states)])


@contextmanager
def no_epoch_key(bench):
    """What was acknowledged for an epoch is forgotten."""
    bar = bars.bar_undertaker

    def bar_again(session, event, context):
        session.execute(delete(models.Acknowledgement))
        bar(session, event, context)

    with replaced(bars, "bar_undertaker", bar_again):
        yield


@guard(
    "one per epoch",
    "the same revocation comes as two events",
    no_epoch_key,
    watched=frozenset({TWICE_ACKNOWLEDGED}),
)
def revoke_twice(bench):
    intake = Intake(bench)
    for sequence in (6, 7):
        intake.take(
            "bar_undertaker", told(PROJECT_REVOKED, "inspection", "p", sequence, State.REVOKED)
        )
    with intake.session() as session:
        sent = session.scalar(select(func.count()).select_from(outbox))
    bench.note(TWICE_ACKNOWLEDGED, range(sent - 1))
