"""The four services as processes, with a broker and a database that may be killed."""

import importlib.resources
from pathlib import Path

import requests

from deploy.local.process import wait_until
from deploy.local.stack import Stack
from shared.cli.demo import report
from shared.settings import Settings
from shared.web.access import issue_token, load_or_create_key
from tests.shared.spine.proxy import Proxy

DEFINITION = importlib.resources.files("services.intake.data") / "programme-2020.yaml"
QUEUE = "evt-intake-programme.published--scoring.keep_programme"
SECONDS = 60


class Running(Stack):
    """Reaches its broker by way of a proxy, with a heartbeat of two seconds."""

    def __init__(self, home):
        super().__init__(home)
        self.proxy = Proxy(self.broker.port)
        self.published = 0

    def settings(self):
        url = self.proxy.url(self.broker.url())
        return super().settings() | {
            "LAUREL_BROKER_URL": f"{url}?heartbeat=2",
            "LAUREL_CONFIRM_TIMEOUT_SECONDS": "2",
        }

    def down(self):
        super().down()
        self.proxy.close()

    def publish(self, count=1):
        """Have intake accept new programmes; each is one event for three consumers."""
        for _ in range(count):
            self.published += 1
            text = DEFINITION.read_text().replace('id: "2020"', f'id: "2020R{self.published}"', 1)
            answer = requests.post(
                f"{self.url('intake')}/v1/programmes",
                json={"yaml": text},
                headers=self._token("official"),
                timeout=10,
            )
            assert answer.status_code == 201, answer.text

    def ledgers(self):
        return report.read_ledgers(
            lambda name, path, **query: self._get(name, path, **query).json()
        )

    def waiting(self):
        """How many events intake could not publish yet."""
        return self._get("intake", "/v1/ledger").json()["pending"]

    def is_settled(self):
        """Whether every event has come to every consumer."""
        ledgers = self.ledgers()
        return not report.pending(ledgers) and not report.lost(ledgers)

    def settle(self, seconds=SECONDS):
        """Wait for every event, each handled once by each of the three, and none parked."""
        wait_until(self.is_settled, seconds, "every event to be handled")
        ledgers = self.ledgers()
        assert len(ledgers["intake"]["published"]) == self.published
        for consumer in ("scoring", "inspection", "notification"):
            assert len(ledgers[consumer]["handled"]) == self.published
            assert ledgers[consumer]["parked"] == []

    def metric(self, service, line):
        """The sum of these lines of the service's metrics; 0 while none is there."""
        found = [
            text.rpartition(" ")[2]
            for text in self._get(service, "/metrics").text.splitlines()
            if text.startswith(line)
        ]
        return sum(map(float, found))

    def consumers(self):
        """How many consumers RabbitMQ sees on the keeper's queue."""
        lines = self.broker.control("list_queues", "--no-table-headers", "name", "consumers")
        return {name: int(count) for name, count in map(str.split, lines.splitlines())}.get(
            QUEUE, 0
        )

    def _get(self, service, path, **query):
        url, who = f"{self.url(service)}{path}", self._token("operator")
        return requests.get(url, params=query, headers=who, timeout=10)

    def _token(self, role):
        settings = Settings.from_environ(self.settings())
        key = load_or_create_key(Path(settings.jwt_key))
        return {"Authorization": f"Bearer {issue_token(key, settings, role=role)}"}
