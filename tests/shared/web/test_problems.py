"""Every refusal is a problem document (RFC 9457) that names what is wrong."""

import io

import pytest

from shared.web.incoming import MAX_BODY_BYTES


def send(stack, data, **options):
    return stack.client.post("/v1/books", data=data, headers=stack.official, **options)


def told(answer):
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == answer.status_code
    assert answer.json["type"] == f"/problems/{answer.json['slug']}"
    return answer.status_code, answer.json["slug"]


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "title", "Missing data for required field."),
        ({"title": 7}, "title", "Not a valid string."),
        ({"title": ""}, "title", "Length must be between 1 and 400."),
        ({"title": "a", "copies": "many"}, "copies", "Not a valid integer."),
        ({"title": "a", "copies": 1.5}, "copies", "Not a valid integer."),
        ({"title": "a", "shelf": {}}, "shelf.room", "Missing data for required field."),
        ({"title": "a", "shelf": {"room": "x"}}, "shelf.room", "Must be one of: north, south."),
        ({"title": "a", "colour": 1}, "colour", "Unknown field."),
        ({"title": "a\0"}, "title", "must not hold NUL or half of a surrogate pair"),
        ({"title": "\ud800"}, "title", "must not hold NUL or half of a surrogate pair"),
        ({"\ud800": 1}, "\\ud800", "must not hold NUL or half of a surrogate pair"),
        ({"title": "a", "copies": 2**63}, "copies", "is too large a number"),
    ],
)
def test_a_bad_field_is_named(stack, body, field, message):
    answer = stack.client.post("/v1/books", json=body, headers=stack.official)
    assert told(answer) == (422, "invalid-input")
    assert answer.json["errors"] == [{"field": field, "message": message}]
    assert answer.json["detail"] == f"The body is not valid: {field}: {message}"
    assert stack.count() == 0


def test_several_bad_fields_are_all_named(stack):
    answer = stack.add("", copies="x")
    assert [error["field"] for error in answer.json["errors"]] == ["title", "copies"]
    assert answer.json["detail"].endswith("(and 1 more)")


def test_of_very_many_bad_fields_the_first_are_named(stack):
    answer = stack.add("a", **{f"f{number:03}": 1 for number in range(200)})
    assert len({error["field"] for error in answer.json["errors"]}) == 50
    assert answer.json["detail"].endswith("(and 199 more)")


def test_a_body_of_very_many_values_is_refused_before_any_is_looked_at(stack):
    answer = stack.add("a", copies=[[1] * 1_000] * 2)
    message = "must hold at most 2000 values"
    assert told(answer) == (422, "invalid-input")
    assert answer.json["errors"] == [{"field": "copies", "message": message}]
    answer = stack.add("a", **{f"f{number:04}": 1 for number in range(2_000)})
    assert (answer.json["detail"], answer.json["errors"]) == (f"The body {message}.", [])


def test_what_cannot_be_kept_is_told_in_few_words_however_much_of_it_there_is(stack):
    bad = ["\0"] * 1_500
    for number in range(20):
        bad = {f"{number}{'x' * 50_000}": bad}
    answer = stack.add("a", shelf=bad)
    assert told(answer) == (422, "invalid-input")
    assert len(answer.json["errors"]) == 50
    assert len(answer.data) < 30_000


@pytest.mark.parametrize(
    "body", [{"x" * 900_000: 1}, {"title": "a", "x" * 900_000: []}, {"x" * 900_000: [0] * 3_000}]
)
def test_a_name_of_any_length_is_told_by_its_beginning(stack, body):
    answer = stack.client.post("/v1/books", json=body, headers=stack.official)
    assert told(answer) == (422, "invalid-input")
    assert len(answer.data) < 10_000


def test_a_bad_query_parameter_is_named(stack):
    answer = stack.client.get("/v1/books?copies=many")
    assert told(answer) == (422, "invalid-input")
    assert answer.json["errors"] == [{"field": "copies", "message": "Not a valid integer."}]


@pytest.mark.parametrize(
    "data", [b"{", b"\xff\xfe", b"title=a", b"[" * 100_000, b'{"copies": ' + b"9" * 5000 + b"}"]
)
def test_a_body_that_is_not_json_is_refused(stack, data):
    answer = send(stack, data)
    assert told(answer) == (422, "invalid-input")
    assert answer.json["detail"].startswith("The body is not JSON in UTF-8: ")


@pytest.mark.parametrize("data", [b"[]", b'"a"', b"7", b"null"])
def test_a_body_that_is_no_object_is_refused(stack, data):
    answer = send(stack, data)
    assert told(answer) == (422, "invalid-input")
    assert answer.json["detail"] == "The body must be a JSON object."


@pytest.mark.parametrize("depth", range(890, 1000, 10))
def test_deep_nesting_is_refused_at_every_depth(stack, depth):
    answer = send(stack, b'{"title": ' + b"[" * depth + b"]" * depth + b"}")
    assert told(answer) == (422, "invalid-input")


def test_a_body_that_is_too_large_is_refused_announced_or_not(stack):
    data = b" " * (MAX_BODY_BYTES + 1)
    for options in ({}, {"content_length": None}):
        environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        answer = send(stack, None, input_stream=io.BytesIO(data), environ_base=environ, **options)
        assert told(answer) == (413, "body-too-large")
    assert send(stack, data).json["detail"] == (
        "The body is larger than 1048576 bytes; send less at once."
    )


@pytest.mark.parametrize("path", ["/v1/nothing", "/", "/v1/books/a/b", "/v1//books"])
def test_an_unknown_path_is_not_found(stack, path):
    answer = stack.client.get(path)
    assert told(answer) == (404, "not-found")
    assert answer.json["detail"] == f"Nothing is served at {path}."
    assert answer.json["instance"] == path


def test_an_unknown_thing_is_named(stack):
    answer = stack.client.get("/v1/books/Moby")
    assert told(answer) == (404, "not-found")
    assert answer.json["detail"] == "There is no book 'Moby'."


def test_a_method_that_is_not_possible_is_told_which_are(stack):
    answer = stack.client.delete("/v1/books")
    assert told(answer) == (405, "method-not-allowed")
    assert answer.json["detail"] == "DELETE is not possible here; use GET, HEAD, POST."
    assert answer.headers["Allow"] == "GET, HEAD, POST"


def test_a_fault_of_ours_says_nothing_of_its_inside_and_changes_nothing(stack):
    stack.library.failing = True
    answer = stack.add("a")
    assert told(answer) == (500, "internal-error")
    assert "secret" not in answer.text
    assert stack.count() == 0


def test_what_the_database_cannot_hold_is_the_caller_s_mistake(real_stack):
    answer = real_stack.add("x" * 300)
    assert told(answer) == (422, "invalid-input")
    assert answer.json["detail"] == "A value is larger than can be kept; nothing was changed."
    assert told(real_stack.add("a", copies=2**40)) == (422, "invalid-input")
    assert real_stack.count() == 0
