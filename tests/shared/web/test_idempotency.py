"""The same request asked twice is done once, on both databases, also at the same moment."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from shared.web.idempotency import MAX_KEY


def with_key(stack, key="k1", who=None):
    return (who or stack.official) | {"Idempotency-Key": key}


def test_the_same_key_gives_the_same_answer_and_one_effect(both):
    first, second = (both.add("a", with_key(both)) for _ in range(2))
    assert (
        (first.status_code, first.data)
        == (second.status_code, second.data)
        == (201, b'{"title":"a","copies":1}')
    )
    assert first.headers["ETag"] == second.headers["ETag"] == '"1"'
    assert first.content_type == second.content_type
    assert both.count() == 1


def test_the_same_key_with_another_body_is_refused(both):
    both.add("a", with_key(both))
    answer = both.add("b", with_key(both))
    assert (answer.status_code, answer.json["slug"]) == (422, "idempotency-key-reused")
    assert both.count() == 1


def test_a_key_belongs_to_whoever_sent_it(both):
    someone, else_ = (both.token("official", subject=name) for name in ("li", "wang"))
    assert both.add("a", with_key(both, who=someone)).status_code == 201
    assert both.add("b", with_key(both, who=else_)).status_code == 201
    assert both.count() == 2


def test_a_door_that_asks_nobody_who_they_are_takes_no_keys(stack):
    answers = [
        stack.client.post("/v1/wishes", json={"title": title}, headers={"Idempotency-Key": "k"})
        for title in "ab"
    ]
    assert [answer.json for answer in answers] == [{"wished": "a"}, {"wished": "b"}]
    document = stack.client.get("/openapi.json").json["paths"]
    named = [
        {one["name"] for one in document[path]["post"]["parameters"]}
        for path in ("/v1/wishes", "/v1/books")
    ]
    assert named == [set(), {"Idempotency-Key"}]


def test_of_two_that_make_the_same_at_the_same_moment_one_is_told_so(real_stack):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(real_stack.add, ["a"] * 8))
    told = Counter((answer.status_code, answer.json.get("slug")) for answer in answers)
    assert told == {(201, None): 1, (409, "changed-meanwhile"): 7}
    assert real_stack.count() == 1


def test_requests_of_the_same_moment_with_the_same_key_are_done_once(both):
    def ask(_number):
        return both.add("a", with_key(both))

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    assert Counter((answer.status_code, answer.data) for answer in answers) == {
        (201, b'{"title":"a","copies":1}'): 16
    }
    assert both.count() == 1


def test_a_request_that_failed_may_be_asked_again_with_its_key(both):
    both.library.failing = True
    assert both.add("a", with_key(both)).status_code == 500
    assert both.count() == 0
    both.library.failing = False
    assert both.add("a", with_key(both)).status_code == 201
    assert both.count() == 1


def test_a_refusal_is_not_kept(stack):
    assert stack.add("", with_key(stack)).status_code == 422
    assert stack.add("a", with_key(stack)).status_code == 201


def test_a_key_has_a_longest_length(stack):
    assert stack.add("a", with_key(stack, "k" * MAX_KEY)).status_code == 201
    answer = stack.add("b", with_key(stack, "k" * (MAX_KEY + 1)))
    assert (answer.status_code, answer.json["detail"]) == (
        422,
        "An Idempotency-Key has at most 120 characters.",
    )
