"""A mail server and a webhook receiver on loopback, so that letters and webhooks really arrive."""

import base64
import hashlib
import hmac
import socketserver
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.errors import LaurelError

LOOPBACK = "127.0.0.1"
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that Standard Webhooks gives to secrets


class Mailbox(socketserver.ThreadingTCPServer):
    """Takes letters by SMTP (RFC 5321, the least of it); counts them by Message-ID."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int) -> None:
        self.letters: Counter[str] = Counter()
        super().__init__((LOOPBACK, port), _Conversation)


class _Conversation(socketserver.StreamRequestHandler):
    server: Mailbox
    greeting = b"220 laurel demo mailbox"
    replies = {  # noqa: RUF012 - never changed
        b"EHLO": b"250-laurel demo mailbox\r\n250-8BITMIME\r\n250 SMTPUTF8",
        b"DATA": b"354 go on",
        b"QUIT": b"221 bye",
    }

    def handle(self) -> None:
        self._say(self.greeting)
        while line := self.rfile.readline():
            verb = line[:4].upper()
            self._say(self.replies.get(verb, b"250 ok"))
            if verb == b"DATA":
                self._take_letter()
                self._say(b"250 taken")
            if verb == b"QUIT":
                break

    def _take_letter(self) -> None:
        lines = []
        while (line := self.rfile.readline()) not in {b".\r\n", b""}:
            lines.append(line)
        letter = message_from_bytes(b"".join(lines))
        self.server.letters[str(letter["Message-ID"])] += 1

    def _say(self, line: bytes) -> None:
        self.wfile.write(line + b"\r\n")


class Hook(ThreadingHTTPServer):
    """Takes webhooks whose signature fits; counts them by id."""

    def __init__(self) -> None:
        self.secret = ""
        self.webhooks: Counter[str] = Counter()
        super().__init__((LOOPBACK, 0), _Posted)

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://{LOOPBACK}:{self.server_port}/laurel"

    def fits(self, headers: Any, body: bytes) -> bool:
        """Whether the body was signed with our secret (Standard Webhooks 1.0)."""
        key = base64.b64decode(self.secret.removeprefix(SECRET_PREFIX))
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return hmac.compare_digest(headers["webhook-signature"] or "", f"v1,{expected}")


class _Posted(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        fits = self.server.fits(self.headers, body)
        if fits:
            self.server.webhooks[self.headers["webhook-id"]] += 1
        self.send_response(204 if fits else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@contextmanager
def receiving(smtp_port: int) -> Iterator[tuple[Mailbox, Hook]]:
    """Both receivers, listening; raises LaurelError when the port is taken."""
    try:
        mailbox = Mailbox(smtp_port)
    except OSError as error:
        raise LaurelError(
            f"The demo's mail server cannot listen on {LOOPBACK}:{smtp_port} ({error.strerror}). "
            "Free the port, or point LAUREL_SMTP_URL of the services at a free one."
        ) from error
    hook = Hook()
    servers = (mailbox, hook)
    for server in servers:
        threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True).start()
    try:
        yield mailbox, hook
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
