"""The HTTP door: nameko's web server, made to stay open whatever its callers do.

A caller that says nothing, or half a request a byte at a time, keeps a place for a bounded time
only, and gives it up as soon as somebody else needs it.
"""

import re
from collections.abc import Callable
from email.message import Message
from functools import partial
from typing import Any

import eventlet
import structlog
from eventlet.greenio import shutdown_safe
from eventlet.wsgi import ChunkReadError
from nameko.web.server import HttpOnlyProtocol, WebServer

CONNECTIONS = 200  # four services of one process stay below the usual 1,024 descriptors
SILENCE_SECONDS = 20.0
EXCHANGE_SECONDS = 120.0
ACCEPT_PAUSE_SECONDS = 0.1
LONGEST_LINE = 1_024  # of what follows a head: a chunk's size, a trailer
LINES_A_TURN = 1_000
ABSOLUTE = re.compile("^https?://[^/?#]*", re.IGNORECASE)
REFUSAL = (
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
    "Content-Type: application/problem+json\r\n\r\n"
    '{{"title": "Bad request", "status": 400, "detail": "{}"}}'
)
_log = structlog.get_logger(__name__)


class Rest:
    """The bytes after a head, as they come: others have their turn meanwhile, lines are short."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._lines = stream, 0

    def read(self, size: int) -> bytes:
        """So many bytes, unless they end."""
        eventlet.sleep(0)
        read: bytes = self._stream.read(size)
        return read

    def readline(self) -> bytes:
        """One line; raises ChunkReadError for one that is none of ours to read."""
        self._lines += 1
        if self._lines % LINES_A_TURN == 0:
            eventlet.sleep(0)
        line: bytes = self._stream.readline(LONGEST_LINE + 1)
        if len(line) > LONGEST_LINE:
            raise ChunkReadError(f"a line has more than {LONGEST_LINE} bytes")
        return line


class Body:
    """A request's body; who has sent it has earned its place."""

    def __init__(self, stream: Any, came: Callable[[bool], None]) -> None:
        self._stream, self._came = stream, came

    def read(self, size: int) -> bytes:
        """So many bytes, or all that there are."""
        body: bytes = self._stream.read(size)
        self._came(len(body) < size)
        return body


class Conversing(HttpOnlyProtocol):
    """One connection; the server knows it as waiting until a request has come whole."""

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
        if not super().parse_request():
            return False
        if fault := framing_fault(self.headers, self.request_version):
            self.wfile.write(REFUSAL.format(fault).encode())
            self.close_connection = True
            return False
        self.path: str = ABSOLUTE.sub("", self.path) or "/"
        return True

    def get_environ(self) -> dict[str, Any]:
        """The request, now that its head is read."""
        line: Any = self.rfile
        self.rfile: Any = Rest(line)
        environ: dict[str, Any] = super().get_environ()
        self.rfile = line
        environ["wsgi.input"] = Body(environ["wsgi.input"], self._came)
        environ["wsgi.input_terminated"] = True  # eventlet ends it, also when it comes in chunks
        return environ

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


def framing_fault(head: Message, version: str) -> str | None:
    """Why it is not clear where the request ends; two readers would see two (RFC 9112, 5 and 6)."""
    lengths = {length.strip(" \t") for length in head.get_all("content-length", ())}
    codings = [coding.strip(" \t").lower() for coding in head.get_all("transfer-encoding", ())]
    if head.defects or head.get_payload():
        return "A line of the head is no header."
    if len(lengths) > 1 or not all(one.isascii() and one.isdecimal() for one in lengths):
        return "Content-Length must be one number."
    if codings and (codings != ["chunked"] or version != "HTTP/1.1"):
        return "Transfer-Encoding must be chunked, in HTTP/1.1."
    if version == "HTTP/1.1" and head.get("host") is None:
        return "HTTP/1.1 needs a Host."
    return None


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
