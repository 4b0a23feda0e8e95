"""The ledger of effects: what the handlers of a scene did, written in their own transactions.

A row more than one for a handler and an event is an effect that happened twice, whatever the
handler's own tables make of it.
"""

import functools

from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, insert

from shared.spine.entrypoints import EventHandler, entrypoints_of

metadata = MetaData()
effects = Table(
    "chaos_effects",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("handler", String(80), nullable=False),
    Column("event_id", String(64), nullable=False),
)


def prepare(engine):
    """Make the table."""
    metadata.create_all(engine)


def witness(service_class, around=lambda _handler, act: act):
    """Have every handler of a service write down what it did; `around` may wrap it once more."""
    methods = {name for name, _entry in entrypoints_of(service_class, EventHandler)}
    for method in methods:
        name = f"{service_class.name}.{method}"
        act = around(name, getattr(service_class, method))
        setattr(service_class, method, _witnessed(name, act))


def _witnessed(name, act):
    @functools.wraps(act)
    def handle(self, session, event, context):
        session.execute(insert(effects).values(handler=name, event_id=event.id))
        act(self, session, event, context)

    return handle
