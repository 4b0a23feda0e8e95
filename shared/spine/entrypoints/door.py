"""The HTTP door: nameko's web server, made to stay open whatever its callers do.

A caller that says nothing, or half a request a byte at a time, keeps a place for a bounded time
only, and gives it up as soon as somebody else needs it.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.greenio import shutdown_safe
from nameko.web.server import HttpOnlyProtocol, WebServer

CONNECTIONS = 200  # four services of one process stay below the usual 1,024 descriptors
SILENCE_SECONDS = 20.0
EXCHANGE_SECONDS = 120.0
ACCEPT_PAUSE_SECONDS = 0.1
ABSOLUTE = re.compile("^https?://[^/?#]*", re.IGNORECASE)
BAD_LENGTH = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
    b"Content-Type: application/problem+json\r\n\r\n"
    b'{"title": "Bad request", "status": 400, "detail": "Content-Length must be one number."}'
)
_log = structlog.get_logger(__name__)


class Body:
    """What comes after the head; who has sent it has earned its place."""

    def __init__(self, stream: Any, came: Callable[[], None]) -> None:
        self._stream, self._came = stream, came

    def read(self, size: int) -> bytes:
        """So many bytes, or all that there are."""
        body: bytes = self._stream.read(size)
        self._came()
        return body


class Conversing(HttpOnlyProtocol):
    """One connection; the server knows it as waiting until a request has come whole."""

    def handle_one_request(self) -> None:
        """From the wait for a request to the last byte of its answer."""
        self.server.waiting[self.connection] = None
        try:
            with eventlet.Timeout(EXCHANGE_SECONDS):
                super().handle_one_request()
        finally:
            self.server.waiting.pop(self.connection, None)

    def parse_request(self) -> bool:
        """The head: a target may be a whole URL (RFC 9112, 3.2.2), a length must be one (6.3)."""
        if not super().parse_request():
            return False
        lengths = set(self.headers.get_all("content-length", ()))
        if len(lengths) > 1 or not all(map(str.isdecimal, lengths)):
            self.wfile.write(BAD_LENGTH)
            self.close_connection = True
            return False
        self.path: str = ABSOLUTE.sub("", self.path) or "/"
        return True

    def get_environ(self) -> dict[str, Any]:
        """The request, now that its head is read."""
        environ: dict[str, Any] = super().get_environ()
        came = partial(self.server.waiting.pop, self.connection, None)
        environ["wsgi.input"] = Body(environ["wsgi.input"], came)
        environ["wsgi.input_terminated"] = True  # eventlet ends it, also when it comes in chunks
        return environ


class Http(WebServer):
    """Serves our WSGI application; no caller ends it, and no error of one is another's."""

    def __init__(self) -> None:
        super().__init__()
        self._open = 0

    def get_wsgi_app(self) -> Any:
        """All routes of the service."""
        service = self.container.service_cls()
        service.runtime = self.container.config["runtime"]
        return service.wsgi_app()

    def get_wsgi_server(self, sock: Any, wsgi_app: Any, **_ours: Any) -> Any:
        """Eventlet's server, with our protocol and limits."""
        server = super().get_wsgi_server(sock, wsgi_app, protocol=Conversing)
        server.keepalive = server.socket_timeout = SILENCE_SECONDS
        server.waiting = {}
        return server

    def run(self) -> None:
        """Accept for ever; when no place or descriptor is left, whoever waited longest goes."""
        while self._is_accepting:
            try:
                sock, address = self._sock.accept()
            except OSError as error:
                _log.warning("cannot-accept", error=error.strerror, open=self._open)
                self._make_room()
                eventlet.sleep(ACCEPT_PAUSE_SECONDS)
                continue
            if self._open >= CONNECTIONS and not self._make_room():
                sock.close()
                continue
            sock.settimeout(SILENCE_SECONDS)
            self._open += 1
            self.container.spawn_managed_thread(partial(self.process_request, sock, address))

    def process_request(self, sock: Any, address: Any) -> None:
        """Serve one connection; what goes wrong with it costs nobody else anything."""
        try:
            super().process_request(sock, address)
        except (Exception, eventlet.Timeout) as error:
            _log.debug("connection-lost", error=str(error))
        finally:
            self._open -= 1
            sock.close()

    def _make_room(self) -> bool:
        """Hang up on whoever has not asked for anything yet; False when everybody has."""
        oldest = next(iter(self._serv.waiting), None)
        if oldest is None:
            return False
        del self._serv.waiting[oldest]
        shutdown_safe(oldest)
        return True
