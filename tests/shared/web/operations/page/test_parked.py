"""Parked events on pages: nothing they hold gets out of its place, and everything can be found."""

import json
import re
from urllib.parse import urlencode

import pytest

from shared.spine.tables import parked_steps
from tests.shared.web.operations.page.conftest import OWN

MARKUP = "<script>alert(1)</script>\"'&"
EVIL = f"{MARKUP}\u202e\x00\x1b[31m"
LINK = re.compile(r'href="/operations/parked/([0-9a-f-]{36})"')


def without_markup(text):
    """Whether the hostile text stands there as text only, with nothing unprintable."""
    assert "<script" not in text
    assert not re.search(r"[\x00-\x08\x0b-\x1f\u202e]", text)
    return "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;\\u202e\\x00\\x1b[31m" in text


@pytest.fixture
def hostile(desk):
    evil = EVIL.replace("\x00", "\\x00")  # no database takes NUL as text
    event = {"data": {EVIL: EVIL}}
    (parked,) = desk.park(
        body=json.dumps(event).encode(),
        handler=EVIL[:40],
        event_type=evil,
        subject=evil,
        source="evil",
        error=evil,
        detail=evil,
        headers={
            "content_type": EVIL,
            "routing_key": None,
            "user_id": EVIL,
            "headers": {EVIL: EVIL},
        },
    )
    with desk.session("scoring") as session:
        session.execute(parked_steps.update().values(who=evil, what=evil, why=evil))
    return parked


@pytest.mark.parametrize("path", ["", "/parked", "/parked/{}", "/decide?decision=retry"])
def test_what_strangers_send_is_text_and_nothing_else(desk, hostile, path):
    assert without_markup(desk.read(path.format(hostile)))


@pytest.mark.parametrize("path", ["parked?", "decide?decision=retry&"])
def test_what_a_filter_holds_is_text_and_nothing_else(desk, path):
    page = desk.read(f"/{path}{urlencode({'group': MARKUP})}")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;" in page
    assert MARKUP not in page


def test_bytes_that_are_no_text_are_written_out(desk):
    (parked,) = desk.park(body=b"\xff\xfe\x00half", event_id=None, event_type=None, subject=None)
    page = desk.read(f"/parked/{parked}")
    assert "<pre>\\xff\\xfe\\x00half</pre>" in page
    assert "Unreadable message" in page


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' + b"[" * 3_000,
        b'{"a":' + b"[" * 3_000 + b"]" * 3_000 + b"}",
        b"9" * 5_000,
        b'{"a": "\\ud800"}',
        b"[NaN]",
        b"",
        b"[" * 900 + b"]" * 900,
    ],
)
def test_no_body_breaks_the_page(desk, body):
    (parked,) = desk.park(body=body)
    page = desk.read(f"/parked/{parked}")
    assert len(page.encode()) < 100_000


def test_a_large_event_is_shown_in_part(desk):
    headers = {"content_type": "x" * 5_000, "headers": {f"h{n}": "y" * 9_000 for n in range(900)}}
    (parked,) = desk.park(body=b"z" * 1_000_000, headers=headers)
    with desk.session("scoring") as session:
        step = dict(session.execute(parked_steps.select()).one()._mapping)
        del step["number"]
        session.execute(parked_steps.insert(), [step | {"why": "w" * 2_000}] * 900)
    page = desk.read(f"/parked/{parked}")
    assert "The first 20,000 of 1,000,000 characters" in page
    assert "801 earlier steps" in page
    assert len(page) < 200_000


def test_a_body_that_is_json_is_shown_one_member_a_line_and_as_it_came(desk):
    (parked,) = desk.park(body='{"data":{"title":"虚构项目"}}'.encode())
    page = desk.read(f"/parked/{parked}")
    assert "{\n  &#34;data&#34;: {\n    &#34;title&#34;: &#34;虚构项目&#34;\n  }\n}" in page
    assert "{&#34;data&#34;:{&#34;title&#34;:&#34;虚构项目&#34;}}" in page


def test_an_event_stands_with_all_that_is_known_of_it(desk):
    (parked,) = desk.park()
    desk.post(f"/parked/{parked}", decision="retry", reason="the database is back")
    page = " ".join(re.sub(r"<[^>]+>", " ", desk.read(f"/parked/{parked}")).split())
    for words in (
        "programme.published waiting",
        "RuntimeError no luck with 0",
        "Handler scoring.keep_programme",
        "Subject round-0",
        "Published by intake",
        "Attempts 8, next now",
        "spine parked no luck with 0",
        "operator:developer retry asked the database is back",
        "content_type application/cloudevents+json",
    ):
        assert words in page


def test_the_list_is_filtered_and_goes_on_page_by_page(desk):
    wanted = desk.park(70, error="ValueError", detail="no such place")
    desk.park(5)
    first = desk.read("/parked?error=ValueError&handler=&since=")
    assert LINK.findall(first) == wanted[:50]
    (onward,) = re.findall(r'rel="next" href="/operations([^"]+)"', first)
    second = desk.read(onward.replace("&amp;", "&"))
    assert LINK.findall(second) == wanted[50:]
    assert 'rel="next"' not in second


def test_times_are_given_as_browsers_give_them(desk):
    desk.park(2)
    assert len(LINK.findall(desk.read("/parked?since=2020-01-01T00:00"))) == 2
    page = desk.read("/parked?until=2020-01-01T00:00")
    assert LINK.findall(page) == []
    assert 'type="datetime-local" value="2020-01-01T00:00"' in page


@pytest.mark.parametrize(
    ("state", "count", "buttons"),
    [
        ("open", 3, ["Retry all 3 open…", "Discard all 3 open…"]),
        ("held", 2, ["Retry all 3 open…", "Discard all 3 open…"]),
        ("handled", 1, []),
        ("discarded", 4, ["Restore all 4 discarded…"]),
    ],
)
def test_each_state_has_the_buttons_that_do_something(desk, state, count, buttons):
    for amount, kept in ((2, "held"), (1, "waiting"), (1, "handled"), (4, "discarded")):
        desk.park(amount, state=kept)
    page = desk.read(f"/parked?state={state}")
    assert len(LINK.findall(page)) == count
    assert re.findall(r">((?:Retry|Discard|Restore) all [^<]+)<", page) == buttons


def test_a_form_is_answered_by_going_on_so_that_a_reload_repeats_nothing(desk):
    (parked,) = desk.park()
    answer = desk.client.post(
        f"/operations/parked/{parked}",
        data={"decision": "retry"},
        headers=desk.token("operator") | OWN,
    )
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/operations/parked/{parked}?done=retry&changed=1"
