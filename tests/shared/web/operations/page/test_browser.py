"""An operator at work in a real browser, on a wide screen and on a phone."""

import pytest

from shared.catalogue import SERVICES
from shared.telemetry import EVENTS_HANDLED, TIMER_FAILURES
from shared.testing import Laurel
from shared.web.app import WebApp
from tests.browser import NARROW, WIDE, served

pytestmark = pytest.mark.long


@pytest.fixture
def address(desk):
    with served({"scoring": WebApp(desk.services["scoring"], desk.runtime("scoring"))}) as found:
        yield found["scoring"]


def log_in(desk, browser, address):
    browser.open(f"{address}/operations/login")
    browser.type("token", desk.token("operator")["Authorization"].removeprefix("Bearer "))
    browser.click("Log in")


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_an_operator_sees_a_parked_group_has_it_retried_and_sees_it_go(
    desk, browser, address, size
):
    browser.resize(size)
    desk.park(2, detail="<b>no luck</b>")
    log_in(desk, browser, address)
    assert browser.title == "Overview · scoring · Laurel operations"
    assert "<b>no luck</b>" in browser.text
    browser.click("Retry…")
    assert "2 parked events will be tried again" in browser.text
    browser.type("reason", "the programme is there")
    browser.click("Retry 2")
    assert "2 asked to be tried again" in browser.text
    assert desk.retry_parked() == 2
    browser.click("Look again")
    assert "None." in browser.text
    browser.click("Overview")
    assert "Nothing is parked." in browser.text
    assert desk.kept() == ["round-0", "round-1"]
    assert ("operator:developer", "retry asked", "the programme is there") in desk.steps()
    assert browser.complaints() == []


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_every_page_fits_and_the_console_says_nothing(desk, browser, address, size):
    browser.resize(size)
    desk.park(60, detail="x" * 400, subject="y" * 100, handler="z" * 80)
    EVENTS_HANDLED.labels("scoring", "revocation.acknowledged", "handled").inc(1_000_000)
    TIMER_FAILURES.labels("scoring", "designate_due").inc(1_000_000)
    (parked,) = desk.park(body=b"w" * 500, headers={"headers": {"long": "v" * 900}})
    log_in(desk, browser, address)
    for path in (
        "",
        "?refresh=true",
        "/login",
        "/parked",
        f"/parked/{parked}",
        "/parked?group=none&done=discard&changed=5000&left=700",
        "/decide?decision=discard",
        "/decide?decision=restore",
    ):
        browser.open(f"{address}/operations{path}")
        assert browser.title.endswith(" · scoring · Laurel operations"), path
        assert browser.too_wide() == 0, path
        assert browser.complaints() == [], path


def test_an_event_is_discarded_and_the_browser_asks_for_the_reason(desk, browser, address):
    (parked,) = desk.park()
    log_in(desk, browser, address)
    browser.open(f"{address}/operations/decide?decision=discard")
    browser.press("Discard 1")
    assert desk.states() == ["held"]
    browser.type("reason", "not ours")
    browser.click("Discard 1")
    assert desk.states() == ["discarded"]
    browser.open(f"{address}/operations/parked/{parked}")
    assert "not ours" in browser.text


def test_a_form_on_another_site_changes_nothing(desk, browser, address):
    desk.park()
    log_in(desk, browser, address)
    fields = "<input name=decision value=discard><input name=reason value=evil>"
    action = f"{address}/operations/decide"
    form = f"<form method=post action={action}>{fields}<button>Win</button></form>"

    def evil(_environ, start_response):
        start_response("200 OK", [("Content-Type", "text/html")])
        return [form.encode()]

    with served({"evil": evil}) as found:
        browser.open(found["evil"].replace("127.0.0.1", "localhost"))
        browser.click("Win")
    assert "This was not sent from this site" in browser.text
    assert desk.states() == ["held"]


def test_one_login_opens_all_four_services_and_the_logout_closes_them(tmp_path, browser):
    with Laurel(tmp_path) as laurel:
        apps = {name: WebApp(laurel.services[name], laurel.runtime(name)) for name in SERVICES}
        with served(apps) as addresses:
            log_in(laurel, browser, addresses["intake"])
            for name in SERVICES:
                browser.open(f"{addresses[name]}/operations")
                assert browser.title == f"Overview · {name} · Laurel operations"
                assert browser.complaints() == []
            browser.click("Log out")
            browser.open(f"{addresses['intake']}/operations")
            assert browser.title == "Log in · intake · Laurel operations"
