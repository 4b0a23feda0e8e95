"""The foreign ends: a mail server, a webhook receiver; and the office that sends to them."""

import itertools
import threading
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from deploy.local.process import free_ports, wait_until
from services.notification.couriers.letters import LetterCourier
from services.notification.deliveries import deliver_due
from services.notification.models.deliveries import Delivery, Subscriber
from services.notification.rules.deliveries import WAIT_SECONDS
from shared.settings import Settings

CONTACT = "contact@undertaker.example"


class _Mailbox:
    """A mail server's end: keeps what it takes, answers what it is told to."""

    def __init__(self):
        self.taken, self.recipients, self.reply, self.hung_up = [], [], "250 OK", 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802
        if self.reply.startswith("55"):
            return self.reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.reply.startswith("250"):
            self.taken.append(envelope.content)
            self.recipients.append(envelope.rcpt_tos)
        return self.reply


@pytest.fixture
def mailbox():
    box = _Mailbox()
    (port,) = free_ports(1)
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    box.url = f"smtp://127.0.0.1:{port}"
    yield box
    controller.stop()


class Receiver:
    """A webhook receiver: keeps what comes, answers with `status`, or not before `silence` ends.

    While `drips`, it says a byte of its answer at a time, and never the last one.
    """

    def __init__(self):
        self.requests, self.status, self.location, self.silence = [], 204, None, None
        self.drips, self.pause = False, threading.Event()


@contextmanager
def receiving():
    end = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            end.requests.append((self.path, dict(self.headers), body))
            if end.silence:
                end.silence.wait(20)
            if end.drips:
                self._drip()
            self.send_response(end.status)
            if end.location:
                self.send_header("Location", end.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self):
            with suppress(OSError):  # until the caller hangs up
                for byte in itertools.chain(b"HTTP/1.1 200 OK\r\nSlow: ", itertools.repeat(97)):
                    self.wfile.write(bytes([byte]))
                    end.pause.wait(0.05)

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    end.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    yield end
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def receiver():
    with receiving() as end:
        yield end


@pytest.fixture
def other_receiver():
    with receiving() as end:
        yield end


class Post:
    """The office of a test: sends what is due, and lets time pass."""

    def __init__(self, bench, mailbox, **environ):
        self.mailbox = mailbox
        self.bench, self.database = bench, bench.laurel.runtime("notification").database
        given = {
            "LAUREL_SMTP_URL": mailbox.url,
            "LAUREL_MAIL_FROM": "laurel@ministry.example",
            "LAUREL_WEBHOOK_TIMEOUT_SECONDS": "0.2",
        }
        self.settings = Settings.from_environ(given | environ)

    def send(self, kind, waits=WAIT_SECONDS):
        """One round of deliveries; returns how many were attempted."""
        with self.courier(kind) as courier:
            return deliver_due(self.database, self.bench.laurel.clock, courier, waits)

    def courier(self, kind):
        """One that is sent out, and hangs up afterwards if it has to."""
        courier = kind(self.settings, "system")
        return courier if kind is LetterCourier else nullcontext(courier)

    def told(self, **environ):
        """Another office beside this one, with other settings."""
        return Post(self.bench, self.mailbox, **environ)

    def let_time_pass(self):
        """Whatever is put off or leased is due now."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        with self.database.transaction() as session:
            session.execute(update(Delivery).values(due_at=past))
            session.execute(update(Subscriber).values(busy_until=past))

    def delivery(self):
        with self.database.reading() as session:
            return session.scalars(select(Delivery)).one()

    def log(self):
        path = f"/v1/deliveries/{self.delivery().id}"
        answer = self.bench.http.get(path, headers=self.bench.official).json
        return [(entry["number"], entry["code"], entry["error"]) for entry in answer["log"]]

    def outlets(self):
        return [data["outlet"] for data in self.bench.recorded("revocation.acknowledged")]


@pytest.fixture
def post(bench, mailbox):
    return Post(bench, mailbox)


@pytest.fixture
def revoked(bench, said, receiver):
    """A revocation of which a webhook tells, not sent yet; gives the subscriber."""
    receiver.status = 503
    subscriber = bench.subscribe("webhook", receiver.url)
    bench._publish(said.on_the_wire("project.revoked", 3))
    consume(bench)
    receiver.requests.clear()
    return subscriber


@pytest.fixture
def letter(bench, said, mailbox):
    """A revocation of which a letter tells, not sent yet."""
    mailbox.reply = "451 come again"
    bench.subscribe("letter", CONTACT)
    bench._publish(said.on_the_wire("project.revoked", 3))
    consume(bench)


def consume(bench, count=1):
    """Let the events come in, and forget whatever was attempted on the way."""

    def is_queued():
        bench.laurel.turn()
        return len(bench.deliveries()) == count

    wait_until(is_queued, 10, "a queued delivery")
    past = datetime.now(UTC) - timedelta(seconds=1)
    with bench.laurel.session("notification") as session:
        session.connection().exec_driver_sql("DELETE FROM delivery_attempts")
        session.execute(update(Delivery).values(attempts=0, error=None, due_at=past))
