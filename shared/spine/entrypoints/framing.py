"""Where a request ends: of what could be read in two ways, nothing is read (RFC 9112, 5 to 7).

A proxy that ends a request elsewhere than we do would hand us one that it never saw.
"""

import re
import sys
from collections.abc import Callable
from email.message import Message
from typing import Any

import eventlet
from eventlet.wsgi import ChunkReadError, Input

LONGEST_LINE = 1_024  # of what follows a head: a chunk's size, a trailer
LINES_A_TURN = 1_000
HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[^\0\r\n]*")
CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\0\r\n]*)?\r\n")


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


class Head:
    """The lines of a head as they come; `fault` once one of them is no header (RFC 9112, 5)."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self.fault: str | None = None

    def readline(self, *size: int) -> bytes:
        """One line."""
        line: bytes = self._stream.readline(*size)
        bare = line.removesuffix(b"\n").removesuffix(b"\r")
        if bare and not HEADER.fullmatch(bare):
            self.fault = "A line of the head is no header."
        return line


class Chunks(Input):
    """A body as eventlet reads it, but of chunks only what has one meaning."""

    chunk_length: int
    position: int

    def _chunked_read(self, rfile: Any, length: int | None = None, *_ours: Any) -> bytes:
        if self.should_send_hundred_continue:
            self.send_hundred_continue_response()
            self.is_hundred_continue_response_sent = True
        pieces, wanted = [], sys.maxsize if length is None else length
        while self.chunk_length != 0 and wanted > 0:
            if self.position >= self.chunk_length:
                self.chunk_length, self.position = self._size(rfile.readline()), 0
                if self.chunk_length == 0:
                    self._discard_trailers(rfile)
                continue
            data = rfile.read(min(self.chunk_length - self.position, wanted))
            self.position += len(data)
            wanted -= len(data)
            pieces.append(data)
            if not data or (self.position == self.chunk_length and rfile.readline() != b"\r\n"):
                raise self._broken("a chunk does not end where its size says")
        return b"".join(pieces)

    def _size(self, line: bytes) -> int:
        if found := CHUNK_SIZE.fullmatch(line):
            return int(found[1], 16)
        raise self._broken("a chunk has no size")

    def _broken(self, words: str) -> ChunkReadError:
        self.chunk_length = 0  # nothing more can be told from what follows
        return ChunkReadError(words)


class Body:
    """A request's body; who has sent it has earned its place."""

    def __init__(self, stream: Any, came: Callable[[bool], None]) -> None:
        self._stream, self._came = stream, came

    def read(self, size: int) -> bytes:
        """So many bytes, or all that there are."""
        is_whole = False
        try:
            body: bytes = self._stream.read(size)
            is_whole = len(body) < size
        finally:
            self._came(is_whole)
        return body


def framing_fault(head: Message, version: str) -> str | None:
    """Why it is not clear where the request ends; two readers would see two (RFC 9112, 5 and 6)."""
    lengths = {length.strip(" \t") for length in head.get_all("content-length", ())}
    codings = [coding.strip(" \t").lower() for coding in head.get_all("transfer-encoding", ())]
    if len(lengths) > 1 or not all(one.isascii() and one.isdecimal() for one in lengths):
        return "Content-Length must be one number."
    if codings and (codings != ["chunked"] or version != "HTTP/1.1"):
        return "Transfer-Encoding must be chunked, in HTTP/1.1."
    hosts = head.get_all("host", ())
    if len(hosts) > 1 or (version == "HTTP/1.1" and not hosts):
        return "HTTP/1.1 needs one Host."
    return None
