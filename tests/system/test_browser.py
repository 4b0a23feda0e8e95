"""The public site in a real browser: every page, in both languages, on a wide and a narrow screen."""

import base64
import re

import pytest
from selenium.webdriver.common.by import By

from shared.web.app import WebApp
from tests.browser import NARROW, WIDE, served

pytestmark = pytest.mark.long

NAMES = {"zh": "示范项目公开登记", "en": "Register of demonstration projects"}
PAGES = ("register", "circulars", "inspections", "publicity", "statistics", "about")
FILES = (".atom", ".json", ".pdf")


@pytest.fixture
def projects(embedded_round):
    """A designated, a revoked and a rectifying project, each with its inspection."""
    good, bad, poor = embedded_round.designate(3)
    embedded_round.register_agencies()
    drawn = embedded_round.draw()
    embedded_round.send(embedded_round.report(drawn[good]))
    embedded_round.send(embedded_round.report(drawn[bad], score="41.5", result="breach"))
    embedded_round.send(embedded_round.report(drawn[poor], score="62.5"))
    embedded_round.settle()
    return {"DESIGNATED": good, "REVOKED": bad, "RECTIFYING": poor}


@pytest.fixture
def site(embedded_round, projects):
    service, runtime = (
        embedded_round.services["notification"],
        embedded_round.runtime("notification"),
    )
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


def test_a_circular_fills_one_sheet_of_a4_also_when_it_was_quashed(
    embedded_round, site, projects, browser
):
    path = f"/v1/projects/{projects['REVOKED']}/reinstate"
    body = {"decision": "复议决定〔2021〕第3号", "reason_zh": "依据撤销", "reason_en": "quashed"}
    embedded_round.official("inspection", path, body)
    embedded_round.settle()
    browser.open(f"{site}/zh/circulars/LAUREL-2020-0001")
    assert "复议决定" in browser.text
    printed = browser.driver.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    assert len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(printed["data"]))) == 1
