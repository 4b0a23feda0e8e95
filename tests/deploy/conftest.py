"""The generated broker definitions on the private node, and one connection for each of its users."""

import json
import logging
import secrets
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner
from pika.exceptions import ChannelClosedByBroker

from shared.catalogue import SERVICES
from shared.cli.run import topology

logging.getLogger("pika").setLevel(logging.ERROR)  # it logs every refusal, and we mean thousands
VHOST = "laurel"
AGENCIES = ("A1", "A10")
USERS = (*SERVICES, *(f"agency-{code}" for code in AGENCIES))


class Node:
    """The node with the definitions in the virtual host `laurel`, and its users' passwords."""

    def __init__(self, broker, directory):
        self._broker = broker
        self._passwords = {user: secrets.token_hex(8) for user in USERS}
        (directory / "passwords").mkdir()
        for user, password in self._passwords.items():
            (directory / "passwords" / user).write_text(f"{password}\n")
        self.import_(self.generated("--passwords", str(directory / "passwords")), directory)
        self._connections = {}

    @staticmethod
    def generated(*options):
        """What `laurel topology --definitions` prints."""
        words = ["--definitions", *(word for code in AGENCIES for word in ("--agency", code))]
        result = CliRunner().invoke(topology, [*words, *options], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.output)

    def import_(self, definitions, directory):
        path = directory / "definitions.json"
        path.write_text(json.dumps(definitions))
        self.control("import_definitions", str(path))

    def control(self, *words):
        return self._broker.control(*words)

    def url(self, user, vhost=VHOST):
        name = vhost.replace("/", "%2F")
        return f"amqp://{user}:{self._passwords[user]}@127.0.0.1:{self._broker.port}/{name}"

    def channel(self, user):
        """A fresh channel with confirms; what the broker refuses closes it."""
        if user not in self._connections:
            parameters = pika.URLParameters(self.url(user))
            self._connections[user] = pika.BlockingConnection(parameters)
        channel = self._connections[user].channel()
        channel.confirm_delivery()
        return channel

    def answer(self, user, act, *words, **options):
        """The reply code with which the broker refuses one method of a channel, or `allowed`."""
        channel = self.channel(user)
        try:
            getattr(channel, act)(*words, **options)
        except ChannelClosedByBroker as refusal:
            return refusal.reply_code
        channel.close()
        return "allowed"

    def close(self):
        for connection in self._connections.values():
            connection.close()


@pytest.fixture(scope="module")
def node(private_broker, tmp_path_factory):
    node = Node(private_broker, Path(tmp_path_factory.mktemp("definitions")))
    yield node
    node.close()
    node.control("delete_vhost", VHOST)  # what is left in its queues is no other module's
