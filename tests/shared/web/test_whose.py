"""What is one's own, another's, and nobody's: the routes that a claim opens, and for whom."""

import pytest
from sqlalchemy import update

from services.intake.models import Application
from services.scoring.models import Entry
from shared.catalogue import SERVICES
from shared.testing import Laurel
from shared.web.spec import routes_of
from tests.shared.web.test_every_route import address, fill
from tests.shared.web.test_roles import LETTERS

# How many items a list shows; else whether the door is open: 403 is another's, "in" is any answer
# of the rules behind it. The three columns: the token's claim names the owner, another, nobody.
TABLE = {
    "intake": """
U  GET   /v1/applications                                1   0   0
T  GET   /v1/applications                                1   0   0
T  POST  /v1/applications                                in  403 403
U  GET   /v1/applications/<project>                      in  403 403
T  GET   /v1/applications/<project>                      in  403 403
T  PUT   /v1/applications/<project>                      in  403 403
T  POST  /v1/applications/<project>/evidence             in  403 403
U  GET   /v1/applications/<project>/history              in  403 403
T  GET   /v1/applications/<project>/history              in  403 403
U  POST  /v1/applications/<project>/ineligible           in  403 403
U  POST  /v1/applications/<project>/not-recommend        in  403 403
U  POST  /v1/applications/<project>/recommend            in  403 403
U  POST  /v1/applications/<project>/return               in  403 403
U  POST  /v1/applications/<project>/review/items         in  403 403
U  POST  /v1/applications/<project>/review/start         in  403 403
T  POST  /v1/applications/<project>/submit               in  403 403
U  POST  /v1/changes                                     in  403 403
T  POST  /v1/changes                                     in  403 403
""",
    "scoring": """
E  GET   /v1/assignments                                 1   0   0
E  GET   /v1/entries/<project>                           in  403 403
E  POST  /v1/entries/<project>/recuse                    in  403 403
E  POST  /v1/entries/<project>/scores                    in  403 403
""",
    "inspection": """
A  GET   /v1/agencies/<agency>/receipts                  in  403 403
A  GET   /v1/inspections                                 1   0   0
""",
    "notification": "",
}
USCC, OTHER = "91350100M000100Y43", "91110000600037341L"
CLAIMS = {
    "unit": ("001", "002"), "undertaker": (USCC, OTHER), "expert": ("001", "002"),
    "agency": ("001", "002"),
}  # fmt: skip
REASON = {"reason": "so it is"}
BODIES = {
    "POST /v1/applications": {
        "programme": "001", "unit": "001", "uscc": USCC, "undertaker_name": "n", "title": "t",
        "direction": 1, "contact_email": "li@example.org", "evidence": [],
    },
    "PUT /v1/applications/<project>": {"title": "t"},
    "POST /v1/applications/<project>/evidence": {
        "kind": "award", "filename": "a.pdf", "sha256": "0" * 64, "size": 1,
    },
    "POST /v1/applications/<project>/recommend": {"opinion": "true", "signatory": "Li"},
    "POST /v1/applications/<project>/review/items": {"items": [{"item": 1, "verdict": "verified"}]},
    "POST /v1/changes": {
        "project": "001", "kind": "merger", "occurred_on": "2020-10-01", "summary": "merged",
    },
    "POST /v1/entries/<project>/scores": {"scores": {"innovation": "1"}},
}  # fmt: skip


@pytest.fixture(scope="module")
def laurel(tmp_path_factory):
    with Laurel(tmp_path_factory.mktemp("whose")) as laurel:
        yield laurel


def rows(service):
    for line in filter(None, TABLE[service].splitlines()):
        letter, method, path, *expected = line.split()
        yield LETTERS[letter], method, path, tuple(expected)


def filled(laurel, service):
    """One of everything, as it was before whatever the last call did to it."""
    fill(laurel, service, [1])
    with laurel.session(service) as session:
        if service == "intake":
            session.execute(update(Application).values(uscc=USCC, state="TRUTH_REVIEW"))
        if service == "scoring":
            session.execute(update(Entry).values(state="SCORING"))


def answered(laurel, service, method, path, token):
    filled(laurel, service)
    body = BODIES.get(f"{method} {path}", REASON if method == "POST" else None)
    if method == "POST" and path.endswith(("/return", "/start", "/submit")):
        body = {}
    answer = laurel.http(service).open(
        address(path, "001"), method=method, json=body, headers=token
    )
    assert answer.status_code in {200, 201, 403, 409} or b"wrong-score" in answer.data, answer.text
    if answer.status_code == 403:
        return "403"
    is_list = method == "GET" and path.rpartition("/")[2] in {
        "applications", "assignments", "inspections",
    }  # fmt: skip
    return str(len(answer.json["items"])) if is_list else "in"


@pytest.mark.parametrize("service", SERVICES)
def test_the_table_has_every_route_that_a_claim_opens(laurel, service):
    roles = set(CLAIMS)
    routes = {
        (role, spec.method, spec.path)
        for spec in routes_of(type(laurel.services[service]))
        for role in roles & set(spec.roles)
    }
    assert {row[:3] for row in rows(service)} == routes


@pytest.mark.parametrize(
    ("service", "role", "method", "path", "expected"),
    [(service, *row) for service in SERVICES for row in rows(service)],
)
def test_what_is_another_s_stays_shut(laurel, service, role, method, path, expected):
    own, other = CLAIMS[role]
    tokens = (
        laurel.token(role, **{role: own}),
        laurel.token(role, **{role: other}),
        laurel.token(role),
    )
    found = tuple(answered(laurel, service, method, path, token) for token in tokens)
    assert found == expected
