"""Coming in: who may, with what, and what is said to the others."""

import re

import pytest
from werkzeug.test import Client

from shared.web.app import WebApp
from shared.web.browsers import COOKIE
from shared.web.spec import routes_of
from tests.shared.web.operations.page.conftest import OWN


def bare(headers):
    return headers["Authorization"].removeprefix("Bearer ")


def log_in(desk, token, to="/operations", headers=OWN, status=303):
    fields = {"token": token, "to": to}
    answer = desk.client.post("/operations/login", data=fields, headers=headers)
    assert answer.status_code == status, answer.text
    return answer


def test_without_a_token_there_is_the_login_and_nothing_else(desk):
    (parked,) = desk.park(detail="sealed detail")
    for path in ("", "/parked", f"/parked/{parked}", "/decide?decision=retry"):
        answer = desk.client.get(f"/operations{path}")
        assert answer.status_code == 401
        assert "Log in to scoring" in answer.text
        assert 'role="alert"' not in answer.text
        assert "sealed detail" not in answer.text


def test_a_login_lasts_from_page_to_page_until_the_logout(desk):
    desk.park(3)
    answer = log_in(desk, bare(desk.token("operator")), to="/operations/parked?error=RuntimeError")
    assert answer.headers["Location"] == "/operations/parked?error=RuntimeError"
    assert "operator:developer" in desk.client.get("/operations").text
    assert desk.client.get("/operations/parked").status_code == 200
    answer = desk.client.post("/operations/logout", headers=OWN)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/operations/login")
    assert desk.client.get("/operations").status_code == 401


def test_after_the_login_one_gets_the_page_one_asked_for(desk):
    text = desk.client.get("/operations/parked?subject=round-1%20%26").text
    (to,) = re.findall(r'name="to" value="([^"]*)"', text)
    to = to.replace("&amp;", "&")
    answer = log_in(desk, bare(desk.token("operator")), to=to)
    assert answer.headers["Location"] == "/operations/parked?subject=round-1%20%26"


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/operations.evil", "/v1", "/operations\\x"]
)
def test_a_login_leads_to_no_other_place(desk, to):
    answer = log_in(desk, "a.b.c", to=to, status=422)
    assert "must be one of our own pages" in answer.text
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "Missing data"),
        ("a b", "is no bearer token"),
        ("a;b", "is no bearer token"),
        ("x" * 3_901, "have a proxy send it"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(desk, token, words):
    assert words in log_in(desk, token, status=422).text


def test_an_expired_token_leads_to_the_login_with_the_reason(desk):
    log_in(desk, bare(desk.token("operator", lifetime_hours=-1)))
    answer = desk.client.get("/operations")
    assert answer.status_code == 401
    assert "Log in to scoring" in answer.text
    assert "expired" in answer.text


@pytest.mark.parametrize("role", ["unit", "undertaker", "expert", "agency"])
def test_other_roles_are_refused_on_a_page(desk, role):
    text = desk.read(role=role, status=403)
    assert f"Role {role} may not do this" in text
    assert "Log in with another token" in text


def test_an_official_may_look_and_gets_no_buttons(desk):
    (parked,) = desk.park()
    for path in ("", "/parked", f"/parked/{parked}"):
        text = desk.read(path, role="official")
        assert "Retry" not in text
        assert "Discard" not in text
        assert "Compare now" not in text
    desk.read("/decide?decision=retry", role="official", status=403)
    for path in ("/decide", f"/parked/{parked}", "/compare"):
        desk.post(path, role="official", status=403, decision="retry")
    assert desk.states() == ["held"]


def test_every_form_of_another_site_is_refused_also_with_a_good_login(desk):
    (parked,) = desk.park()
    log_in(desk, bare(desk.token("operator")))
    forms = [spec for spec in routes_of(type(desk.services["scoring"])) if spec.browser]
    posts = [spec.path.replace("<parked_id>", parked) for spec in forms if spec.method == "POST"]
    assert len(posts) == 5
    fields = {"decision": "discard", "reason": "evil", "token": "evil"}
    for path in posts:
        for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
            answer = desk.client.post(path, data=fields, headers=headers)
            assert answer.status_code == 403
            assert "nothing was changed" in answer.text
            assert "Set-Cookie" not in answer.headers
    assert desk.states() == ["held"]
    assert desk.client.get("/operations").status_code == 200


def test_nothing_is_changed_by_looking(desk):
    desk.park()
    before = desk.states(), desk.steps()
    for spec in routes_of(type(desk.services["scoring"])):
        if spec.browser and spec.method == "GET":
            query = {"decision": "discard", "reason": "none", "done": "discard", "changed": 1}
            desk.client.get(spec.path, query_string=query, headers=desk.token("operator"))
    assert (desk.states(), desk.steps()) == before


def test_the_cookie_opens_no_door_of_the_api(desk):
    client = Client(WebApp(desk.services["scoring"], desk.runtime("scoring")))
    client.set_cookie(COOKIE, bare(desk.token("operator")), path="/")
    assert client.get("/operations").status_code == 200
    assert client.get("/v1/events/parked").status_code == 401


def test_who_comes_from_another_site_is_told_how_to_go_on(desk):
    text = desk.client.get("/operations", headers={"Sec-Fetch-Site": "cross-site"}).text
    assert 'you are logged in, <a href="/operations">go on</a>' in " ".join(text.split())


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/parked/none", 404, "No parked event has the id"),
        ("/nothing", 404, "Nothing is served"),
        ("/parked?state=lost", 422, "state"),
        ("/decide?decision=drop", 422, "decision"),
        ("/parked?since=yesterday", 422, "since"),
        ("/compare", 405, "GET is not possible here"),
    ],
)
def test_a_fault_is_told_on_a_page(desk, path, status, words):
    assert words in desk.read(path, status=status)


def test_pages_forbid_scripts_frames_caches_and_sniffing(desk):
    for path in ("/operations", "/operations/login", "/operations/nothing"):
        headers = desk.client.get(path, headers=desk.token("operator")).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_the_token_stands_in_no_page(desk):
    desk.park()
    token = bare(desk.token("operator"))
    log_in(desk, token)
    assert all(token not in desk.client.get(f"/operations{p}").text for p in ("", "/parked"))
    assert token not in log_in(desk, f"{token}!", status=422).text


def test_the_database_being_away_is_told_on_a_page(desk, tmp_path):
    (tmp_path / "scoring.sqlite3").rename(tmp_path / "away.sqlite3")
    desk.runtime("scoring").database.engine.dispose()
    (tmp_path / "scoring.sqlite3").mkdir()
    assert "does not answer" in desk.read(status=503)
    assert desk.client.get("/operations/login").status_code == 200
