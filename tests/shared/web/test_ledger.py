"""The ledger in pages: all of it, once, whatever the size of a page."""

from pathlib import Path

import pytest

from shared.testing import Laurel

PROGRAMME = Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml"


@pytest.fixture(scope="module")
def laurel(tmp_path_factory):
    with Laurel(tmp_path_factory.mktemp("ledger")) as laurel:
        for consumer, _take in laurel._consumers:  # the embedded broker is the whole process's
            while left := consumer.receive(200, 0):
                consumer.ack(left[-1])
        text = PROGRAMME.read_text()
        for number in range(5):
            body = {"yaml": text.replace('id: "2020"', f'id: "2020R{number}"', 1)}
            official = laurel.token("official")
            answer = laurel.http("intake").post("/v1/programmes", json=body, headers=official)
            assert answer.status_code == 201, answer.text
        laurel.settle()
        yield laurel


def get(laurel, service, path):
    return laurel.http(service).get(path, headers=laurel.token("operator"))


def every(laurel, service, part, limit):
    after, items = "", []
    while after is not None:
        page = get(laurel, service, f"/v1/ledger/{part}?limit={limit}&after={after}").json
        assert len(page["items"]) <= limit
        items += page["items"]
        after = page["next"]
    return items


@pytest.mark.parametrize("limit", [1, 2, 5, 1000])
def test_the_parts_together_are_the_whole(laurel, limit):
    published = every(laurel, "intake", "published", limit)
    assert [row[1:] for row in published] == [
        ["intake.events", "programme.published", f"2020R{number}"] for number in range(5)
    ]
    handled = every(laurel, "scoring", "handled", limit)
    assert handled == [["scoring.keep_programme", row[0]] for row in published]
    assert every(laurel, "scoring", "parked", limit) == []
    assert get(laurel, "intake", "/v1/ledger").json == {"pending": 0}


@pytest.mark.parametrize(
    ("part", "after"), [("published", "x"), ("handled", "a"), ("parked", "a b")]
)
def test_a_cursor_that_is_none_is_refused_by_name(laurel, part, after):
    answer = get(laurel, "intake", f"/v1/ledger/{part}?after={after}")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "after")
