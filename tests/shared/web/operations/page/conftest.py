"""One service of one's own with an operator's page, and what is parked in it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select

from shared.catalogue import PROGRAMME_PUBLISHED
from shared.spine import parking
from shared.spine.entrypoints import handles
from shared.spine.envelope import CONTENT_TYPE, Event, encode, new_id
from shared.spine.tables import parked, parked_steps
from shared.testing import Laurel
from shared.web.routes import ServiceApi

OWN = {"Sec-Fetch-Site": "same-origin"}
metadata = MetaData()
kept = Table(
    "kept", metadata, Column("number", Integer, primary_key=True), Column("programme", String(80))
)


class Keeper(ServiceApi):
    """Keeps programmes."""

    name = "scoring"

    @handles(PROGRAMME_PUBLISHED)
    def keep_programme(self, session, event, context):
        session.execute(insert(kept).values(programme=event.data["programme"]))


class Desk(Laurel):
    """The service and an operator before it."""

    def __init__(self, directory, environ=None):
        super().__init__(directory, environ, classes=[Keeper])
        metadata.create_all(self.runtime("scoring").database.engine)
        self.client = self.http("scoring")

    def park(self, count=1, *, body=None, **changes):
        """Park events that could be handled by now; gives their ids, the oldest first."""
        now = datetime.now(UTC)
        rows = [parked_row(number, now, body, changes) for number in range(count)]
        steps = [
            {"parked": row["id"], "at": now, "who": "spine", "what": "parked", "why": row["detail"]}
            for row in rows
        ]
        with self.session("scoring") as session:
            session.execute(insert(parked), rows)
            session.execute(insert(parked_steps), steps)
        return [row["id"] for row in rows]

    def read(self, path="", role="operator", status=200):
        answer = self.client.get(f"/operations{path}", headers=self.token(role))
        assert answer.status_code == status, answer.text
        return answer.text

    def post(self, path, role="operator", status=303, **fields):
        """Send a form as a browser does; gives the page that it leads to."""
        answer = self.client.post(f"/operations{path}", data=fields, headers=self.token(role) | OWN)
        assert answer.status_code == status, answer.text
        location = answer.headers.get("Location")
        if location is None:
            return answer.text
        return self.read(location.removeprefix("/operations").partition("#")[0], role)

    def states(self):
        with self.session("scoring") as session:
            return list(session.scalars(select(parked.c.state).order_by(parked.c.id)))

    def steps(self):
        """(who, what, why) of all that was decided."""
        found = select(parked_steps).where(parked_steps.c.who != "spine")
        with self.session("scoring") as session:
            rows = session.execute(found.order_by(parked_steps.c.number)).all()
        return [(row.who, row.what, row.why) for row in rows]

    def kept(self):
        with self.session("scoring") as session:
            return sorted(session.scalars(select(kept.c.programme)))


def parked_row(number, now, body, changes):
    name = f"round-{number}"
    data = {"programme": name, "edition": 1, "definition": {}, "units": []}
    event = Event(
        id=new_id(),
        source="/laurel/intake",
        type="programme.published",
        subject=name,
        time=now,
        sequence=1,
        correlation_id=new_id(),
        causation_id=None,
        traceparent=None,
        data=data,
        version=1,
    )
    headers = {"content_type": CONTENT_TYPE, "routing_key": event.type, "user_id": None}
    row = {
        "id": new_id(), "handler": "scoring.keep_programme", "event_id": event.id,
        "source": "intake", "event_type": event.type, "subject": name, "urgent": False,
        "body": encode(event) if body is None else body, "headers": headers | {"headers": {}},
        "state": "held", "error": "RuntimeError", "detail": f"no luck with {number}",
        "attempts": 8, "parked_at": now - timedelta(minutes=5), "due_at": None,
    } | changes  # fmt: skip
    told = parking.fingerprint(row["handler"], row["error"], row["detail"])
    return {"fingerprint": told} | row


@pytest.fixture
def desk(tmp_path):
    with Desk(tmp_path) as desk:
        yield desk


@pytest.fixture
def real_desk(tmp_path, postgres_url):
    with Desk(tmp_path, {"LAUREL_DATABASE_URL": postgres_url}) as desk:
        yield desk
