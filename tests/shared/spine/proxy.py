"""A TCP proxy on loopback between us and a broker, to make the network behave badly on purpose.

It passes, holds one direction back, slows down, swallows everything (black hole), cuts (RST) or
loses the far end without a word (half open). Before several ports it is a load balancer.
"""

import itertools
import socket
import struct
import threading
import time
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

LOOPBACK = "127.0.0.1"
CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)


class Gate(threading.Event):
    """One direction: open, or held back until it is opened again."""

    def __init__(self):
        super().__init__()
        self.set()

    hold, open = threading.Event.clear, threading.Event.set


class Proxy:
    """Listens on `at`, or a free port, before the first of `ports` that answers, by turns.

    Counts its connections and the bytes that we say.
    """

    def __init__(self, *ports, at=0):
        self.requests, self.answers = Gate(), Gate()
        self.accepted = self.said = 0
        self.lag_seconds = 0.0
        self._ports = ports
        self._door = socket.create_server((LOOPBACK, at))
        self._port = self._door.getsockname()[1]
        self._swallowing = False
        self._pairs = []
        self._halves = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, url):
        """The same URL, by way of this proxy."""
        parts = urlsplit(url)
        place = parts.netloc.rpartition(":")[0]
        return urlunsplit(parts._replace(netloc=f"{place}:{self._port}"))

    def swallow(self):
        """A black hole: connections stay open and new ones are accepted, nothing goes through."""
        self._swallowing = True

    def lose_far_ends(self):
        """Leave every present connection half open: the other side has gone and nobody was told."""
        lost = [far for _near, far in self._pairs]
        self._halves.update(lost)
        for far in lost:
            with suppress(OSError):
                far.shutdown(socket.SHUT_RDWR)
        return len(lost)

    def pass_on(self):
        """Pass everything again, what was held back first."""
        self._swallowing, self.lag_seconds = False, 0.0
        self.requests.open()
        self.answers.open()

    def cut(self):
        """Reset every connection, as a network device would."""
        pairs, self._pairs = self._pairs, []
        for end in itertools.chain(*pairs):
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RD)  # wakes its pump; only then does closing reset it
            end.close()

    def close(self):
        """End, with every connection."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        self.pass_on()
        self.cut()

    def _accept(self):
        with suppress(OSError):
            while True:
                self._join(self._door.accept()[0])

    def _join(self, near):
        far = self._reach()
        if far is None:
            near.close()
            return
        pair, over = (near, far), []
        self._pairs.append(pair)
        self.accepted += 1

        def pump(*way):
            self._pump(*way)
            over.append(way)
            if len(over) == len(pair):
                self._forget(pair)

        for way in ((near, far, self.requests), (far, near, self.answers)):
            threading.Thread(target=pump, args=way, daemon=True).start()

    def _forget(self, pair):
        """Both ways have ended."""
        with suppress(ValueError):
            self._pairs.remove(pair)
        for end in pair:
            end.close()

    def _reach(self):
        first = self.accepted % len(self._ports)
        for port in (*self._ports[first:], *self._ports[:first]):
            with suppress(OSError):
                return socket.create_connection((LOOPBACK, port))
        return None

    def _pump(self, source, sink, gate):
        with suppress(OSError):
            while data := source.recv(CHUNK):
                self.said += len(data) if gate is self.requests else 0
                gate.wait()
                time.sleep(self.lag_seconds)
                if not self._swallowing and sink not in self._halves:
                    sink.sendall(data)
            if not self._swallowing and source not in self._halves:
                sink.shutdown(socket.SHUT_WR)
