"""Versions, traces and what a lost database does to the doors."""

import pytest

from deploy.local.postgres import PrivatePostgres


def edit(stack, if_match=None, copies=2):
    headers = stack.official | ({} if if_match is None else {"If-Match": if_match})
    return stack.client.put("/v1/books/a", json={"copies": copies}, headers=headers)


def test_an_etag_names_the_version_that_is_shown(both):
    assert both.add("a").headers["ETag"] == '"1"'
    assert both.client.get("/v1/books/a").headers["ETag"] == '"1"'
    assert edit(both, '"1"').headers["ETag"] == '"2"'
    assert both.client.get("/v1/books/a").json["copies"] == 2


def test_an_edit_of_another_version_is_refused(both):
    both.add("a")
    edit(both, '"1"')
    answer = edit(both, '"1"', copies=9)
    assert (answer.status_code, answer.json["slug"]) == (412, "stale-version")
    assert answer.json["detail"].endswith('send If-Match: "2".')
    assert both.client.get("/v1/books/a").json["copies"] == 2


@pytest.mark.parametrize("if_match", [None, "*", '"1"', 'W/"1"', "1", ' "1" '])
def test_an_edit_of_the_present_version_or_of_any_is_done(stack, if_match):
    stack.add("a")
    assert edit(stack, if_match).status_code == 200


@pytest.mark.parametrize("if_match", ["", "one", '"²"', "-1", "9" * 5000, '"1", "2"'])
def test_an_etag_that_we_did_not_give_is_refused(stack, if_match):
    stack.add("a")
    answer = edit(stack, if_match)
    assert (answer.status_code, answer.json["slug"]) == (422, "invalid-input")
    assert answer.json["detail"].startswith("If-Match must be an ETag that we gave")


def test_a_head_request_is_a_get_without_its_body(stack):
    stack.add("a")
    answer = stack.client.head("/v1/books/a")
    assert (answer.status_code, answer.data, answer.headers["ETag"]) == (200, b"", '"1"')


@pytest.fixture
def postgres(stack_directory):
    own = PrivatePostgres(stack_directory / "postgres-that-dies")
    own.start()
    own.create_databases(["web_intake"])
    yield own
    own.stop()


def ask(stack):
    """What the doors say: live, ready, a read, a write."""
    answers = [stack.client.get(path) for path in ("/health/live", "/health/ready", "/v1/books")]
    return [(answer.status_code, answer.json.get("slug")) for answer in (*answers, stack.add("a"))]


def test_a_database_that_is_away_costs_readiness_and_requests_but_not_the_process(
    open_stack, postgres
):
    stack = open_stack(LAUREL_DATABASE_URL=postgres.url("web_{service}"))
    assert stack.client.get("/health/ready").json == {"status": "ready", "clock": "rehearsal"}
    postgres.kill()
    away = (503, "database-unavailable")
    assert ask(stack) == [(200, None), away, away, away]
    assert stack.client.get("/v1/books").headers["Retry-After"] == "2"
    postgres.start()
    assert ask(stack) == [(200, None), (200, None), (200, None), (201, None)]


def test_a_database_of_another_schema_version_is_not_ready(stack):
    with stack.session("intake") as session:
        session.connection().exec_driver_sql("DELETE FROM alembic_version")
    answer = stack.client.get("/health/ready")
    assert (answer.status_code, answer.json["slug"]) == (503, "not-ready")
    assert answer.json["detail"].endswith("Run: laurel migrate intake")
    assert stack.client.get("/health/live").status_code == 200


def test_metrics_count_requests_by_route_and_not_by_address(stack):
    stack.client.get("/v1/books/unique-title-of-this-test")
    text = stack.client.get("/metrics").text
    assert 'route="/v1/books/<title>",service="intake",status="404"' in text
    assert "unique-title-of-this-test" not in text


class Ended:
    """A loop of which a thread has ended."""

    def dead(self):
        return ["relay urgent"]


def test_a_process_with_a_thread_that_ended_is_not_live(stack):
    assert stack.client.get("/health/live").status_code == 200
    stack.runtime("intake").loops.append(Ended())
    answer = stack.client.get("/health/live")
    assert (answer.status_code, answer.json["slug"]) == (503, "not-live")
    assert "relay urgent" in answer.json["detail"]


def test_methods_that_nobody_knows_make_no_metrics_of_their_own(stack):
    for number in range(3):
        assert stack.client.open("/v1/books", method=f"FOO{number}").status_code == 405
    assert "FOO" not in stack.client.get("/metrics").text


@pytest.mark.parametrize(
    ("peer", "header"),
    [
        ("1.2.3.4", {}),
        ("10.1.2.3", {"X-Forwarded-For": "1.2.3.4"}),
        ("10.1.2.3", {"Forwarded": "for=1.2.3.4"}),
        ("10.1.2.3", {"Via": "1.1 proxy"}),
        ("10.1.2.3", {"X-Real-IP": "1.2.3.4"}),
        ("10.1.2.3", {"X-Forwarded-Proto": "https"}),
        ("127.0.0.1", {"CF-Connecting-IP": "1.2.3.4"}),
        ("::ffff:1.2.3.4", {}),
        ("2a00::1", {}),
        ("", {}),
    ],
)
def test_without_a_token_metrics_are_for_networks_of_ours_alone(stack, peer, header):
    far = {"environ_base": {"REMOTE_ADDR": peer}, "headers": header}
    assert stack.client.get("/metrics", **far).status_code == 401
    for near in ("10.1.2.3", "127.0.0.1", "::1", "fd00::7", "::ffff:10.1.2.3"):
        environ = {"REMOTE_ADDR": near}
        assert stack.client.get("/metrics", environ_base=environ).status_code == 200


def test_metrics_can_be_kept_for_those_who_scrape_them(open_stack):
    guarded = open_stack(LAUREL_METRICS_TOKEN="scraper")
    for sent in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer"}):
        assert guarded.client.get("/metrics", headers=sent).status_code == 401
    sent = {"Authorization": "Bearer scraper"}
    assert guarded.client.get("/metrics", headers=sent).status_code == 200
