"""A browser's token and forms: kept where no script and no other site gets at them."""

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

from shared.errors import InvalidError
from shared.web import browsers
from shared.web.browsers import CrossSiteError


def request(**headers):
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(EnvironBuilder(method="POST", headers=given).get_environ())


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "same-origin"},
        {"Sec_Fetch_Site": "none"},
        {"Origin": "http://localhost"},
        {"Origin": "https://localhost"},
        {"Sec_Fetch_Site": "same-origin", "Origin": "https://behind-a-proxy.example"},
    ],
)
def test_a_form_of_our_own_page_is_taken(headers):
    browsers.refuse_foreign(request(**headers))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://localhost"},
        {"Origin": "null"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:8001"},
        {"Origin": "localhost"},
        {"Origin": "http://["},
    ],
)
def test_a_form_of_another_site_is_refused(headers):
    with pytest.raises(CrossSiteError):
        browsers.refuse_foreign(request(**headers))


def test_without_a_host_no_origin_is_our_own():
    bare = request()
    bare.environ.pop("HTTP_HOST", None)
    bare.environ["HTTP_ORIGIN"] = "null"
    with pytest.raises(CrossSiteError):
        browsers.refuse_foreign(Request(bare.environ))


def test_a_proxys_header_goes_before_the_cookie():
    cookie = {"Cookie": f"{browsers.COOKIE}=kept"}
    assert browsers.authorization(request()) is None
    assert browsers.authorization(request(**cookie)) == "Bearer kept"
    assert browsers.authorization(request(Authorization="Bearer x", **cookie)) == "Bearer x"


@pytest.mark.parametrize(
    ("origin", "is_secure"), [("https://ops.example", True), ("http://127.0.0.1:8000", False)]
)
def test_the_cookie_is_hidden_from_scripts_and_other_sites(origin, is_secure):
    response = Response()
    browsers.keep_token(response, "a.b.c", origin)
    name, *flags = response.headers["Set-Cookie"].split("; ")
    assert name == f"{browsers.COOKIE}=a.b.c"
    assert set(flags) == {"HttpOnly", "SameSite=Strict", "Path=/operations"} | (
        {"Secure"} if is_secure else set()
    )


def test_a_form_is_read_without_what_was_left_empty():
    raw = b"reason=+put+right%0D%0A&group=&subject=%20&type=%E6%97%A5&type=last"
    assert browsers.form(raw) == {"reason": "put right", "type": "last"}


@pytest.mark.parametrize("raw", [b"\xff=1", b"&".join(b"a=1" for _ in range(60))])
def test_what_is_no_form_is_refused(raw):
    with pytest.raises(InvalidError):
        browsers.form(raw)
