"""One AMQP connection with one channel: kombu's connection, py-amqp's channel."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import amqp
from amqp import abstract_channel, method_framing, serialization
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from shared.spine.broker import BrokerError

HEARTBEAT_SECONDS = 10
CONNECT_TIMEOUT_SECONDS = 5
SOCKET_TIMEOUT_SECONDS = 5
CLOSE_TIMEOUT_SECONDS = 1
WRITE_BYTES = 262_144
ERRORS = (
    amqp.AMQPError,
    OperationalError,
    OSError,
    AttributeError,
)  # py-amqp raises the last one on a lost link


class ReceivedMessage(amqp.Message):
    """A message whose properties may be anything: those that cannot be read are kept raw.

    py-amqp would give the whole connection up, and with it every message behind.
    """

    def _load_properties(self, class_id: int, buf: bytes, offset: int) -> int:
        try:
            return int(super()._load_properties(class_id, buf, offset))
        except Exception:  # whatever a partner's bytes make of the parser
            self.properties = {"unreadable": bytes(buf[offset:])}
            return offset


class _Tolerant(bytes):
    """Bytes whose parts can all be read as text: what is no UTF-8 is written out."""

    def __getitem__(self, key: Any) -> Any:
        part = super().__getitem__(key)
        return _Tolerant(part) if isinstance(part, bytes) else part

    def decode(self, *_strictly: str) -> str:
        return bytes(self).decode("utf-8", "backslashreplace")


def _load_arguments(form: str, buffer: bytes, offset: int) -> Any:
    """A method's arguments, also those of a delivery whose routing key is no UTF-8."""
    try:
        return serialization.loads(form, buffer, offset)
    except UnicodeDecodeError:
        return serialization.loads(form, _Tolerant(buffer), offset)


method_framing.Message = ReceivedMessage
abstract_channel.loads = _load_arguments


@contextmanager
def broker_errors() -> Iterator[None]:
    """Whatever goes wrong with a link inside is a BrokerError outside."""
    try:
        yield
    except ERRORS as error:
        raise BrokerError(f"{type(error).__name__}: {error}") from error


@contextmanager
def opening(url: str) -> Iterator["Link"]:
    """A new link, given up again when the steps that follow fail; raises BrokerError."""
    link = Link(url)
    try:
        with broker_errors():
            yield link
    except BrokerError:
        link.close()
        raise


class _Gathering:
    """A transport that writes many frames at once: a write for each costs more than its bytes."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, part: memoryview | bytes) -> None:
        """Keep it; py-amqp's buffer is used again for the next frame."""
        self._parts.append(bytes(part))
        self._size += len(part)
        if self._size > WRITE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was kept."""
        whole, self._parts, self._size = b"".join(self._parts), [], 0
        if whole:
            self._transport.write(whole)


class Link:
    """One connection with one channel, opened in the constructor, closed once.

    Its heartbeat is `?heartbeat=` of the URL, or 10 seconds. A broker that does not answer is an
    error after a while, whatever is asked of it.
    """

    def __init__(self, url: str) -> None:
        self.blocked = False
        self._beat = 0.0
        options = {"on_blocked": self._on_blocked, "on_unblocked": self._on_unblocked}
        with broker_errors():
            self._kombu = Connection(
                url,
                heartbeat=HEARTBEAT_SECONDS,
                connect_timeout=CONNECT_TIMEOUT_SECONDS,
                transport_options=options,
            )
            self.connection = self._kombu.transport.establish_connection()
            # py-amqp's own read and write timeouts do nothing to eventlet's sockets
            self.connection.sock.settimeout(SOCKET_TIMEOUT_SECONDS)
            self.channel = self.connection.channel()
            self.channel.auto_decode = False

    def drain(self, timeout: float) -> bool:
        """Read until one method is complete; False when none was within `timeout` seconds.

        py-amqp's own `drain_events` goes on for as long as heartbeats come, and sends none.
        """
        deadline = time.monotonic() + timeout
        while True:
            self.beat()
            try:
                if self.connection.blocking_read(max(0.0, deadline - time.monotonic())):
                    return True
            except TimeoutError:
                return False

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Send what is sent inside in few writes; nothing inside may wait for an answer."""
        one_by_one, gathering = self.connection.frame_writer, _Gathering(self.connection.transport)
        self.connection.frame_writer = method_framing.frame_writer(self.connection, gathering)
        try:
            yield
            gathering.flush()
        finally:
            self.connection.frame_writer = one_by_one

    def beat(self) -> None:
        """Send a heartbeat when one is due; a peer that fell silent is an error."""
        if time.monotonic() - self._beat > self.connection.heartbeat / 4:
            self._beat = time.monotonic()
            self.connection.heartbeat_tick()

    def close(self) -> None:
        """Close politely where the broker still answers, else just drop the socket."""
        try:
            if self.connection.connected and not self.blocked:
                self.connection.sock.settimeout(CLOSE_TIMEOUT_SECONDS)
                self.connection.close()
        except ERRORS:
            pass
        finally:
            self.connection.collect()

    def _on_blocked(self, _reason: str) -> None:
        self.blocked = True

    def _on_unblocked(self) -> None:
        self.blocked = False
