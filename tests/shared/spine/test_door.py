"""The HTTP door under callers that are slow, rude or too many, on a process that really runs."""

import os
import re
import resource
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

from deploy.local.process import wait_until
from shared.spine.entrypoints.door import CONNECTIONS
from tests.shared.cli.conftest import Installation

SECONDS = 60
NONE_LEFT = 4  # descriptors below this have been in use since the start
HALF = b"GET /v1/programmes HTTP/1.1\r\nHost: a"


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    with Installation(tmp_path_factory.mktemp("door")) as running:
        yield running


@pytest.fixture
def port(installation):
    return installation.settings.http_port_of("intake")


@pytest.fixture
def public_port(installation):
    """Where anybody may post."""
    return installation.settings.http_port_of("inspection")


def call(port):
    return socket.create_connection(("127.0.0.1", port), timeout=SECONDS)


def said(port, request):
    """Everything that is answered to these bytes, until the connection is closed."""
    with call(port) as caller:
        caller.sendall(request)
        caller.shutdown(socket.SHUT_WR)
        with caller.makefile("rb") as answer:
            return answer.read()


def is_served(port, seconds=5):
    try:
        url = f"http://127.0.0.1:{port}/health/live"
        return requests.get(url, timeout=seconds).status_code == 200
    except requests.RequestException:
        return False


def test_more_half_requests_than_there_are_places_keep_nobody_out(port):
    with ExitStack() as callers:
        for _ in range(2 * CONNECTIONS + 20):
            callers.enter_context(call(port)).sendall(HALF)
        assert is_served(port, SECONDS)


def test_more_half_bodies_than_there_are_places_keep_nobody_out(installation):
    port = installation.settings.http_port_of("inspection")
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{"
    with ExitStack() as callers:
        for _ in range(2 * CONNECTIONS + 20):
            callers.enter_context(call(port)).sendall(head)
        assert is_served(port, SECONDS)


def test_a_service_out_of_descriptors_goes_on_when_they_are_back(installation, port):
    usual = resource.prlimit(installation.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(installation.pid, resource.RLIMIT_NOFILE, (NONE_LEFT, usual[1]))
    with call(port):
        log = installation.directory / "run.log"
        wait_until(lambda: "cannot-accept" in log.read_text(), SECONDS, "no descriptor left")
    resource.prlimit(installation.pid, resource.RLIMIT_NOFILE, usual)
    wait_until(lambda: is_served(port), SECONDS, "an answer")


def test_a_body_in_chunks_is_read_like_any(installation, port):
    answer = requests.post(
        f"http://127.0.0.1:{installation.settings.http_port_of('inspection')}/v1/agency-messages",
        data=iter([b'{"specversion": ', b'"1.0"}']),
        timeout=SECONDS,
    )
    assert answer.status_code == 422
    assert "type" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"Content-Length: 30", b'{"specversion"'),
        (b"Transfer-Encoding: chunked", b"zz\r\nxx\r\n0\r\n\r\n"),
        (b"Transfer-Encoding: chunked", b"ff\r\nxx"),
    ],
)
def test_a_body_that_ends_early_is_refused(installation, head, body):
    port = installation.settings.http_port_of("inspection")
    request = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n" + body
    answer = said(port, request)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"The body" in answer


@pytest.mark.parametrize("name", [b"a b", b"[::", b"\xff\xfe", b"a..b", b"", b"a:b:c"])
def test_a_host_that_is_none_is_no_fault_of_ours(port, name):
    answer = said(port, b"GET /health/live HTTP/1.1\r\nHost: " + name + b"\r\n\r\n")
    assert answer.split(b" ")[1] in {b"200", b"400"}


def test_a_path_with_two_slashes_is_answered_in_words(port):
    answer = said(port, b"GET //x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"http:" not in answer


@pytest.mark.parametrize(
    ("heads", "words"),
    [
        (b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding must be chunked"),
        (b"Transfer-Encoding: xchunked", b"Transfer-Encoding must be chunked"),
        (b"Transfer-Encoding: gzip, chunked", b"Transfer-Encoding must be chunked"),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", b"must be chunked"),
        (b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding must be chunked"),
        (b"Content-Length : 40", b"no header"),
        (b"Content-Length\r\nContent-Length: 40", b"no header"),
        (b"X: a\rContent-Length: 40", b"no header"),
        (b"X: a\rTransfer-Encoding: chunked", b"no header"),
        (b"X: a\0b", b"no header"),
        (b"X: a\r\n Content-Length: 40", b"no header"),
        (b"From a b", b"no header"),
        (b": 40", b"no header"),
        (b"Host: b", b"one Host"),
    ],
)
def test_a_body_that_two_readers_would_end_in_two_places_is_refused(public_port, heads, words):
    hidden = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"
    answer = said(
        public_port,
        b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\n" + heads + b"\r\n\r\n" + hidden,
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert words in answer
    assert answer.count(b"HTTP/1.1 4") == 1
    assert b"live" not in answer


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_http_1_1_needs_a_host_and_chunks_need_http_1_1(public_port, version):
    alone = said(
        public_port, b"GET /health/live HTTP/" + version + b"\r\nConnection: close\r\n\r\n"
    )
    assert alone.split(b" ")[1] == (b"400" if version == b"1.1" else b"200")
    head = (
        b" HTTP/"
        + version
        + b"\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    answer = said(public_port, b"POST /v1/agency-messages" + head + b"2\r\n{}\r\n0\r\n\r\n")
    assert answer.split(b" ")[1] == (b"422" if version == b"1.1" else b"400")


@pytest.mark.parametrize(
    "kind",
    [
        b"multipart/form-data; boundary=x",
        b"multipart/form-data",
        b"message/rfc822",
        b"text/plain; a",
    ],
)
def test_what_a_body_is_said_to_be_is_for_its_route_to_judge(public_port, kind):
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n"
    answer = said(public_port, head + b"Content-Type: " + kind + b"\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"undecodable" in answer


@pytest.mark.parametrize(
    "chunks",
    [
        *(
            size + b"\r\n{}\r\n0\r\n\r\n"
            for size in (b"0x2", b"0_2", b"+2", b"-5", b" 2", b"", b";a")
        ),
        b"2\r\n{}junk\r\n0\r\n\r\n",
        b"2\r\n{}GET /x HTTP/1.1\r\n\r\n",
        b"2\n{}\n0\n\n",
        b"2;a\n{}\r\n0\r\n\r\n",
        b"2;a\rb\r\n{}\r\n0\r\n\r\n",
        b"11111111111111111\r\n{}",
    ],
)
def test_chunks_that_two_readers_would_read_in_two_ways_are_refused_and_end_it(public_port, chunks):
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = said(public_port, head + chunks + b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"The body could not be read" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_chunks_of_any_size_with_extensions_and_trailers_are_read_and_the_next_request_too(
    public_port,
):
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b'1;a=b\r\n{\r\n00E \r\n"specversion":\r\n6\r\n"1.0"}\r\n0;x\r\nT: u\r\n\r\n'
    then = b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    answer = said(public_port, head + chunks + then)
    assert re.findall(rb"HTTP/1.1 ([0-9]+)", answer) == [b"422", b"200"]
    assert b"could not be read" not in answer


@pytest.mark.parametrize("length", [b"2 ", b"\t2"])
def test_blanks_around_a_length_are_none_of_it(public_port, length):
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: "
    assert said(public_port, head + length + b"\r\n\r\n{}").startswith(b"HTTP/1.1 422 ")


@pytest.mark.parametrize("rest", [b"1" * 5_000, b"2;" + b"x" * 5_000, b"0\r\nT: " + b"x" * 5_000])
def test_a_line_without_end_among_chunks_is_read_no_further(public_port, rest):
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = said(public_port, head + rest)
    assert answer.startswith(b"HTTP/1.1 422 ")
    assert b"The body could not be read" in answer


def test_who_sends_request_upon_request_keeps_nobody_waiting(installation, port):
    """Four services share a process: what floods one must leave the others their turns."""
    another = installation.settings.http_port_of("notification")
    request, stop = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 1_000, threading.Event()
    with call(port) as caller:

        def flood():
            with suppress(OSError):
                while not stop.is_set():
                    caller.sendall(request)

        def drain():
            with suppress(OSError):
                while caller.recv(1 << 20):
                    pass

        threads = [threading.Thread(target=one, daemon=True) for one in (flood, drain)]
        for thread in threads:
            thread.start()
        served = [is_served(another) for _ in range(20)]
        stop.set()
        caller.shutdown(socket.SHUT_RDWR)
    assert served == [True] * 20


def descriptors(installation):
    return len(list(Path(f"/proc/{installation.pid}/fd").iterdir()))


def test_who_gave_a_place_up_holds_no_descriptor(installation, public_port):
    wait_until(lambda: is_served(public_port), SECONDS, "an answer")
    before = descriptors(installation)
    head = b"POST /v1/agency-messages HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n{"
    with ExitStack() as callers:
        for _ in range(2 * CONNECTIONS):
            callers.enter_context(call(public_port)).sendall(head)
        bounded = before + CONNECTIONS + 20
        wait_until(lambda: descriptors(installation) <= bounded, SECONDS, "descriptors given back")
    wait_until(lambda: descriptors(installation) <= before + 20, SECONDS, "all of them given back")


def test_who_does_not_take_its_answers_gives_its_place_up(port):
    request = b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n" * 60
    with ExitStack() as callers:
        for _ in range(CONNECTIONS + 5):
            caller = callers.enter_context(socket.socket())
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
            caller.settimeout(SECONDS)
            caller.connect(("127.0.0.1", port))
            caller.sendall(request)
        wait_until(lambda: is_served(port), SECONDS, "a place")


@pytest.mark.parametrize("target", [b"http://a/health/live", b"HTTP://b:1/health/live?x=http://c/"])
def test_a_target_may_be_a_whole_url(port, target):
    answer = said(port, b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "lengths", [(b"2", b"3"), (b"-1",), (b"two",), (b"1, 2",), ("²".encode(),)]
)
def test_a_length_that_is_not_one_number_is_refused_in_words(port, lengths):
    heads = b"".join(b"Content-Length: " + length + b"\r\n" for length in lengths)
    answer = said(port, b"POST /v1/objections HTTP/1.1\r\nHost: a\r\n" + heads + b"\r\n{}")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Content-Length must be one number" in answer


DYING = """
import eventlet; eventlet.monkey_patch()
from shared.server import Server
from shared.settings import Settings
from shared.spine.entrypoints.loops import Loops
server = Server(["intake", "scoring", "inspection", "notification"], Settings.from_environ())
def die():
    server.containers["scoring"].spawn_managed_thread(lambda: 1 / 0)
eventlet.spawn_after(1, die)
server.serve()
"""


def test_a_container_that_ends_ends_its_process(tmp_path_factory):
    installation = Installation(tmp_path_factory.mktemp("dying"))
    environ = dict(os.environ) | installation.environ
    installation.migrate()
    done = subprocess.run(
        [sys.executable, "-c", DYING],
        env=environ,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 1
    assert "The scoring service ended by itself: ZeroDivisionError" in done.stderr
