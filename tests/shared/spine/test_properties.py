"""AMQP properties that no client library of ours can read: kept raw, and nobody behind them waits."""

import pika
import pytest

from shared.spine.broker.amqp import UNREADABLE
from shared.spine.envelope import encode
from tests.shared.spine.test_delivery import KEY, event

NO_TEXT = b"\xff\xfe"


@pytest.mark.parametrize("name", ["content_type", "message_id", "type", "reply_to", "app_id"])
def test_a_property_that_is_no_text_costs_its_own_message(real_stack, amqp_url, name):
    body = encode(event("odd"))
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    properties = pika.BasicProperties(**{name: NO_TEXT})
    connection.channel().basic_publish(*KEY, body, properties)
    connection.close()
    real_stack.publish("good")
    while real_stack.turn():
        pass
    (row,) = real_stack.parked_rows()
    assert (row.body, row.error, row.state) == (body, "undecodable", "held")
    assert NO_TEXT.hex() in row.headers["headers"][UNREADABLE]
    assert real_stack.effects() == ["good"]
