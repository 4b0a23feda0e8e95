"""How services talk about what was published and handled: plain messages that may be lost.

They go through each service's own exchange, so that nobody needs a right it has not; what is lost
or not understood is said again in the next round.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from sqlalchemy.orm import Session

from shared.runtime import Runtime
from shared.spine import reconcile
from shared.spine.broker import BrokerError, Delivery, Message
from shared.spine.broker.topology import CONVERSATION, event_queue
from shared.spine.envelope import new_id
from shared.spine.events import sources
from shared.spine.handlers import Handling
from shared.spine.inbox import raise_if_away
from shared.spine.reconcile import Said
from shared.telemetry import EVENTS_RESENT

CONTENT_TYPE = "application/json"
LATER = ("unroutable", "blocked")  # trying at once would only open connections
_log = structlog.get_logger(__name__)


class Conversation:
    """One service's part in it, in both roles: it asks, and it answers."""

    def __init__(self, runtime: Runtime, handlers: Mapping[str, Handling]) -> None:
        self._runtime, self._handlers = runtime, handlers
        self._answers: Mapping[str, Callable[[Session, Said], list[tuple[str, Said]]]] = {
            "ask": self._state, "stated": self._compare, "want": self._resend,
        }  # fmt: skip

    def prepare(self) -> None:
        """Know every pair of ours; a new one is due at once."""
        with self._runtime.database.transaction() as session:
            reconcile.prepare(session, self._handlers)

    def begin_due(self) -> int:
        """Ask about every pair whose time has come; returns how many.

        A pair whose queues hold a backlog has its answer there, and waits for the next round. With
        a broker that is away nothing is committed, so the rounds stay due; raises BrokerError.
        """
        every = timedelta(seconds=self._runtime.settings.reconcile_seconds)
        with self._runtime.database.transaction() as session:
            quiet = self._quiet(reconcile.begin_due(session, self._handlers, every))
            self._say([(said["source"], said) for said in quiet])
        return len(quiet)

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Answer what was said to us; raises DatabaseAwayError or BrokerError to be told again."""
        self._say([reply for delivery in deliveries for reply in self._answer(delivery)])

    def _answer(self, delivery: Delivery) -> list[tuple[str, Said]]:
        database = self._runtime.database
        try:
            said = json.loads(delivery.body)
            with database.transaction() as session:
                return self._answers[said["kind"]](session, said)
        except Exception as error:  # whatever it was, the next round says it again
            raise_if_away(database, error)
            _log.warning("not-understood", error=f"{type(error).__name__}: {error}"[:300])
            return []

    def _state(self, session: Session, said: Said) -> list[tuple[str, Said]]:
        retained = timedelta(days=self._runtime.settings.outbox_days)
        return [(_service(said), reconcile.state(session, said, retained))]

    def _compare(self, session: Session, said: Said) -> list[tuple[str, Said]]:
        return [(said["source"], reply) for reply in reconcile.compare(session, said)]

    def _resend(self, session: Session, said: Said) -> list[tuple[str, Said]]:
        count = reconcile.resend(session, said)
        EVENTS_RESENT.labels(self._runtime.service, said["handler"]).inc(count)
        _log.warning("resent", handler=said["handler"], events=count)
        return []

    def _say(self, messages: Sequence[tuple[str, Said]]) -> None:
        """Over a connection of its own: between rounds nobody would answer its heartbeats."""
        if not messages:
            return
        publisher, known = self._runtime.broker.publisher(), sources()
        sayable = [self._message(to, said) for to, said in messages if to in known]
        failure = publisher.publish(sayable).failure
        publisher.close()
        if failure and not failure.startswith(LATER):
            raise BrokerError(failure)
        if failure:
            _log.warning("unsaid", failure=failure)

    def _message(self, to: str, said: Said) -> Message:
        exchange = f"{self._runtime.service}.events"
        body = json.dumps(said).encode()
        return Message(exchange, f"{CONVERSATION}.{to}", body, new_id(), CONTENT_TYPE)

    def _quiet(self, asks: Sequence[Said]) -> list[Said]:
        """Those whose queues hold less than a batch."""
        if not asks:
            return []
        names = {name for said in asks for name in _queues(said)}
        depths, most = self._runtime.broker.depths(sorted(names)), self._runtime.settings.batch_size
        return [said for said in asks if sum(depths[name] for name in _queues(said)) <= most]


def _queues(said: Said) -> list[str]:
    service, method = said["handler"].split(".")
    return [event_queue(said["source"], kind, service, method).name for kind in said["types"]]


def _service(said: Said) -> str:
    return str(said["handler"]).split(".", 1)[0]
