"""The HTTP door: nameko's web server, made to stay open whatever its callers do.

A caller that says nothing, sends half a request a byte at a time, or does not take its answer keeps
a place for a bounded time only, and gives it up as soon as somebody else needs it.
"""

import re
from contextlib import suppress
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.greenio import shutdown_safe
from nameko.web.server import HttpOnlyProtocol, WebServer

from shared.spine.entrypoints.framing import Body, Chunks, Head, Rest, framing_fault

CONNECTIONS = 200  # four services of one process stay below the usual 1,024 descriptors
SILENCE_SECONDS = 20.0
EXCHANGE_SECONDS = 120.0
ACCEPT_PAUSE_SECONDS = 0.1
ABSOLUTE = re.compile("^https?://[^/?#]*", re.IGNORECASE)
REFUSAL = (
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
    "Content-Type: application/problem+json\r\n\r\n"
    '{{"title": "Bad request", "status": 400, "detail": "{}"}}'
)
_log = structlog.get_logger(__name__)


class Conversing(HttpOnlyProtocol):
    """One connection; the server knows it as waiting but from a whole request to its answer."""

    def handle_one_request(self) -> None:
        """From the wait for a request to the last byte of its answer.

        Who has its next request sent already waits its turn: a socket with bytes in it never lets
        go of the loop by itself.
        """
        eventlet.sleep(0)
        self.server.waiting[self.connection] = None
        try:
            with eventlet.Timeout(EXCHANGE_SECONDS):
                super().handle_one_request()
        finally:
            self.server.waiting.pop(self.connection, None)

    def parse_request(self) -> bool:
        """The head: a target may be a whole URL (RFC 9112, 3.2.2); what frames a body is clear."""
        head = Head(self.rfile)
        self.rfile: Any = head
        if not super().parse_request():
            return False
        if fault := head.fault or framing_fault(self.headers, self.request_version):
            self.wfile.write(REFUSAL.format(fault).encode())
            self.close_connection = True
            return False
        self.path: str = ABSOLUTE.sub("", self.path) or "/"
        return True

    def get_environ(self) -> dict[str, Any]:
        """The request, now that its head is read."""
        line: Any = self.rfile
        self.rfile = Rest(line)
        environ: dict[str, Any] = super().get_environ()
        self.rfile, read = line, environ["eventlet.input"]
        environ["eventlet.input"] = Chunks(
            read.rfile,
            read.content_length,
            self.connection,
            read.wfile,
            read.wfile_line,
            read.chunked_input,
        )
        environ["wsgi.input"] = Body(environ["eventlet.input"], self._came)
        environ["wsgi.input_terminated"] = True  # eventlet ends it, also when it comes in chunks
        return environ

    def finish(self) -> None:
        """Let go of the connection, however it ended: else only the collector would."""
        try:
            super().finish()
        finally:
            for stream in (self.wfile, self.rfile):
                with suppress(OSError, ValueError):
                    stream.close()

    def log_message(self, *_words: Any) -> None:
        """What a caller gets wrong is told to the caller."""

    def _came(self, is_whole: bool) -> None:
        self.server.waiting.pop(self.connection, None)
        if not is_whole:  # nobody reads what is left of it
            self.close_connection = True

    def handle_one_response(self) -> None:
        """Answer; whoever does not take the answer gives its place up."""
        answer_of: Any = self.application

        def answering(*request: Any) -> Any:
            answer = answer_of(*request)
            self.server.waiting[self.connection] = None
            return answer

        self.application: Any = answering
        super().handle_one_response()


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
