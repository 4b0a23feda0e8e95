"""Notification's part of the operator's page: deliveries that failed for good, and their button."""

import re

import pytest

from tests.notification.ends import CONTACT

OWN = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def failed(bench, said, mailbox):
    """A letter that the receiver refused for good."""
    mailbox.reply = "550 no such mailbox"
    bench.receive(
        said.on_the_wire("application.submitted", 1, epoch=0, contact_email=CONTACT),
        said.on_the_wire("project.designated", 3),
    )
    (delivery,) = bench.deliveries(state="failed")
    return delivery["id"]


def section(bench, role="operator"):
    answer = bench.http.get("/operations", headers=bench.laurel.token(role))
    assert answer.status_code == 200, answer.text
    return answer.text.split('<section id="deliveries">')[1].split("</section>")[0]


def retry(bench, delivery, role="operator", **headers):
    path = f"/operations/deliveries/{delivery}/retry"
    return bench.http.post(path, headers=bench.laurel.token(role) | (headers or OWN))


def test_a_failed_delivery_stands_there_with_its_error_and_without_an_address(bench, failed, said):
    lines = re.findall(r"<tr>(.*?)</tr>", section(bench), re.DOTALL)
    (cells,) = [found for line in lines if (found := re.findall(r"<td[^>]*>(.*?)</td>", line))]
    assert cells[:5] == [
        said.PROJECT, "letter", f"contact:{said.PROJECT}", "project.designated", "smtp-550",
    ]  # fmt: skip
    assert CONTACT not in section(bench)


def test_its_button_has_it_attempted_once_more(bench, failed, mailbox):
    mailbox.reply = "250 OK"
    assert f'action="/operations/deliveries/{failed}/retry"' in section(bench)
    answer = retry(bench, failed)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/operations#deliveries")
    bench.laurel.settle()
    assert len(mailbox.taken) == 1
    assert "None." in section(bench)
    assert retry(bench, failed).status_code == 409


def test_only_an_operator_on_our_own_page_can_press_it(bench, failed):
    assert "Attempt again" not in section(bench, "official")
    assert retry(bench, failed, "official").status_code == 403
    assert retry(bench, failed, **{"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert len(bench.deliveries(state="failed")) == 1


def test_the_public_site_and_the_operators_pages_do_not_mix(bench):
    accept = {"Accept": "text/html"}
    page = bench.http.get("/operations", headers=accept)
    assert page.status_code == 401
    assert "Log in to notification" in page.text
    assert "没有这一页" in bench.http.get("/nothing", headers=accept).text
