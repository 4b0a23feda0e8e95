"""Lists go on after the last key seen, and a bad cursor or limit is named."""

import base64

import pytest

from shared.web.paging import encode_cursor


def fill(stack, titles):
    for title in titles:
        assert stack.add(title).status_code == 201


def page(stack, **query):
    answer = stack.client.get("/v1/books", query_string=query)
    assert answer.status_code == 200, answer.text
    return [item["title"] for item in answer.json["items"]], answer.json["next"]


def test_pages_hold_every_item_once(both):
    fill(both, "abcdefg")
    found, cursor = page(both, limit=3)
    pages = [found]
    while cursor:
        found, cursor = page(both, limit=3, cursor=cursor)
        pages.append(found)
    assert pages == [["a", "b", "c"], ["d", "e", "f"], ["g"]]


def test_a_list_that_fills_its_page_has_no_further_one(stack):
    fill(stack, "abc")
    assert page(stack, limit=3) == (["a", "b", "c"], None)
    assert page(stack, limit=2) == (["a", "b"], encode_cursor(["b"]))
    assert page(stack) == (["a", "b", "c"], None)


def test_what_is_added_or_taken_away_meanwhile_neither_repeats_nor_hides_an_item(stack):
    fill(stack, "bdf")
    found, cursor = page(stack, limit=2)
    fill(stack, "ace")
    rest, _end = page(stack, limit=9, cursor=cursor)
    assert (found, rest) == (["b", "d"], ["e", "f"])


def test_keys_in_any_script_make_cursors(both):
    fill(both, ["云", "医院", "\U0001f3e5"])
    found, cursor = page(both, limit=1)
    rest, _end = page(both, cursor=cursor)
    assert sorted(found + rest) == sorted(["云", "医院", "\U0001f3e5"])


NO_KEYS = [
    '"a"',
    "[1]",
    '["a", "b"]',
    "[]",
    "[true]",
    '["a\\u0000b"]',
    '["\\ud800"]',
    "{}",
    "[" * 5000,
]
BAD_CURSORS = [
    *["%", "é", "a", "====", "_w"],
    *[base64.urlsafe_b64encode(key.encode()).decode() for key in NO_KEYS],
]


@pytest.mark.parametrize("cursor", BAD_CURSORS)
def test_a_cursor_that_we_did_not_give_is_refused(stack, cursor):
    answer = stack.client.get("/v1/books", query_string={"cursor": cursor})
    assert (answer.status_code, answer.json["slug"]) == (422, "invalid-input")
    message = "is not one we gave; start without it"
    assert answer.json["errors"] == [{"field": "cursor", "message": message}]


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1.5", "many", "٣", "", "9" * 5000, "+1"])
def test_a_limit_that_is_no_whole_number_in_range_is_refused(stack, limit):
    answer = stack.client.get("/v1/books", query_string={"limit": limit})
    assert answer.status_code == 422
    message = "must be a whole number from 1 to 200"
    assert answer.json["errors"] == [{"field": "limit", "message": message}]
