"""What a service class says of itself: what it consumes, and what of it can be tried again."""

import pytest

from shared.catalogue import PROGRAMME_PUBLISHED, PROJECT_REVOKED, REVOCATION_ACKNOWLEDGED, SERVICES
from shared.server import service_class
from shared.spine.entrypoints import handlers_of, handles, receives, topology_from
from shared.web.routes import ServiceApi


class Reader(ServiceApi):
    name = "scoring"

    @handles(PROGRAMME_PUBLISHED, REVOCATION_ACKNOWLEDGED)
    def read_events(self, session, event, context):
        """Of two kinds, one of which three services publish."""

    @receives("agency.*.inspection.reported")
    def read_messages(self, session, delivery, context):
        """Of partners."""


def test_a_method_has_one_handler_and_a_queue_for_each_kind_and_publisher():
    handlers = handlers_of(Reader())
    assert handlers.keys() == {"scoring.read_events", "scoring.read_messages"}
    assert [queue.name for queue in handlers["scoring.read_events"].queues] == [
        "evt-intake-programme.published--scoring.read_events",
        "evt-intake-revocation.acknowledged--scoring.read_events",
        "evt-scoring-revocation.acknowledged--scoring.read_events",
        "evt-notification-revocation.acknowledged--scoring.read_events",
    ]
    assert [queue.name for queue in handlers["scoring.read_messages"].queues] == [
        "evt-partner-inspection.reported--scoring.read_messages"
    ]


def test_a_method_that_is_decorated_twice_is_refused():
    class Twice(ServiceApi):
        name = "scoring"

        @handles(PROGRAMME_PUBLISHED)
        @handles(PROJECT_REVOKED)
        def keep(self, session, event, context):
            """Whose handler would be which?"""

    with pytest.raises(TypeError, match="give all its types to one"):
        topology_from([Twice])


@pytest.mark.parametrize("name", SERVICES)
def test_every_queue_of_a_service_belongs_to_a_handler_that_can_try_again(name):
    cls = service_class(name)
    consumed = {q.name.partition("--")[2] for q in topology_from([cls]).queues if "evt-" in q.name}
    assert consumed == handlers_of(cls()).keys()
