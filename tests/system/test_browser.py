"""The public site in a real browser: every page, in both languages, on a wide and a narrow screen."""

import base64
import re

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from shared.web.app import WebApp
from tests.browser import NARROW, WIDE, served
from tests.system.conftest import Round, credit_code

NAMES = {"zh": "示范项目公开登记", "en": "Register of demonstration projects"}
PAGES = ("register", "circulars", "inspections", "publicity", "statistics", "about")
FILES = (".atom", ".json", ".pdf")
MARKUP = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;{{7*7}}"
WRITTEN = f"{MARKUP} \u0645\u0634\u0631\u0648\u0639 🏥"
HOSTILE = {
    "title": f"{WRITTEN} {'W' * 200}"[:200],
    "undertaker_name": f"</td></table>{'无空格的很长名称' * 30}"[:200],
}


class PublicRound(Round):
    """A round in which one applicant's names are meant to break pages."""

    def application(self, number):
        return super().application(number) | (HOSTILE if number == 3 else {})


@pytest.fixture(scope="module")
def public_round(tmp_path_factory):
    with PublicRound(tmp_path_factory.mktemp("round")) as round_:
        yield round_


@pytest.fixture(scope="module")
def projects(public_round):
    """A designated, a revoked, a rectifying and a hostile project, each with its inspection."""
    good, bad, poor, hostile = public_round.designate(4)
    public_round.register_agencies()
    drawn = public_round.draw()
    public_round.send(public_round.report(drawn[good]))
    public_round.send(public_round.report(drawn[bad], score="41.5", result="breach"))
    public_round.send(public_round.report(drawn[poor], score="62.5"))
    public_round.send(public_round.report(drawn[hostile], score="12", result="breach"))
    public_round.settle()
    return {"DESIGNATED": good, "REVOKED": bad, "RECTIFYING": poor, "HOSTILE": hostile}


@pytest.fixture(scope="module")
def site(public_round, projects):
    service, runtime = public_round.services["notification"], public_round.runtime("notification")
    with served({"notification": WebApp(service, runtime)}) as addresses:
        yield addresses["notification"]


def links(browser, site, language):
    """The pages of the site that the page at hand leads to."""
    found = browser.driver.find_elements(By.TAG_NAME, "a")
    whole = [(link.get_dom_attribute("href") or "").split("#")[0] for link in found]
    return {link for link in whole if link.startswith(f"/{language}/") and not link.endswith(FILES)}


def faults(browser, name):
    """What is wrong with the page at hand."""
    for size in (WIDE, NARROW):
        browser.resize(size)
        if (pixels := browser.too_wide()) > 0:
            yield f"{pixels} pixels too wide at {size[0]}"
        yield from browser.obstacles()
    if not browser.title.endswith(f" · {name}") or browser.title.startswith(" "):
        yield f"is called {browser.title!r}"
    yield from browser.complaints()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_fits_has_a_title_and_makes_no_console_speak(site, projects, browser, language):
    seen, open_, wrong = set(), {f"/{language}/"}, []
    while open_:
        path = open_.pop()
        browser.open(f"{site}{path}")
        wrong += [(path, fault) for fault in faults(browser, NAMES[language])]
        seen.add(path)
        open_ |= links(browser, site, language) - seen
    assert wrong == []
    assert {f"/{language}/{page}" for page in PAGES} <= seen
    assert {f"/{language}/projects/{project}" for project in projects.values()} <= seen
    assert any(path.startswith(f"/{language}/circulars/") for path in seen)


def test_a_reader_finds_the_revoked_project_and_why(site, projects, browser):
    browser.resize(NARROW)
    browser.open(f"{site}/en/")
    browser.click("Register")
    browser.type("q", projects["REVOKED"])
    browser.click("Search")
    browser.click("虚构项目1")
    assert "Revoked" in browser.text
    assert "41.5" in browser.text
    browser.click("中文")
    assert "已撤销" in browser.text
    assert browser.complaints() == []


@pytest.mark.parametrize("words", ["虚构项目1", credit_code(1)[:9], credit_code(1).lower()])
def test_a_search_finds_a_chinese_word_and_half_a_code(site, projects, browser, words):
    browser.open(f"{site}/zh/")
    browser.type("q", words)
    browser.click("查询")
    assert projects["REVOKED"] in browser.text


def test_what_an_applicant_wrote_shows_as_it_was_written(site, projects, browser):
    for path in (f"/en/projects/{projects['HOSTILE']}", "/zh/register", "/zh/circulars"):
        browser.open(f"{site}{path}")
        shown = " ".join(browser.text.split())
        assert WRITTEN in shown
    assert browser.complaints() == []


def test_the_first_stop_of_the_keyboard_leads_to_the_content(site, projects, browser):
    browser.open(f"{site}/en/register")
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    first = browser.driver.switch_to.active_element
    assert first.text == "Skip to the content"
    assert first.value_of_css_property("outline-style") != "none"
    first.send_keys(Keys.ENTER)
    assert browser.driver.current_url.endswith("#content")


def test_what_keeps_people_out_of_a_page_would_be_found(browser):
    browser.open("data:text/html,<title>x</title><img src=''><input>")
    assert {fault.partition(":")[0] for fault in browser.obstacles()} >= {
        "html-has-lang", "image-alt", "label",
    }  # fmt: skip


@pytest.mark.parametrize("state", ["REVOKED", "HOSTILE"])
def test_a_circular_fills_one_sheet_of_a4_also_when_it_was_quashed(
    public_round, site, projects, browser, state
):
    path = f"/v1/projects/{projects[state]}/reinstate"
    body = {"decision": "复议决定〔2021〕第3号", "reason_zh": "依据撤销", "reason_en": "quashed"}
    public_round.official("inspection", path, body)
    public_round.settle()
    shown = public_round.call("notification", "GET", f"/v1/register/{projects[state]}")
    browser.open(f"{site}/zh/circulars/{shown['circulars'][0]['number']}")
    assert "复议决定" in browser.text
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"]))) == 1
