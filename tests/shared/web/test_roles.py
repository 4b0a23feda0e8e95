"""Who may call which route: the whole table, and that every door keeps to it.

O official, U unit, T undertaker, E expert, A agency, P operator; public routes take no token.
"""

import re

import pytest

from shared.catalogue import SERVICES
from shared.testing import Laurel
from shared.web.access import ROLES
from shared.web.spec import routes_of

LETTERS = {
    "O": "official", "U": "unit", "T": "undertaker", "E": "expert", "A": "agency", "P": "operator",
}  # fmt: skip
CLAIMS = {"unit": "P110000", "undertaker": "91350100M000100Y43", "expert": "E1", "agency": "A1"}
TABLE = {
    "each": """
public       GET    /health/live
public       GET    /health/ready
public       GET    /metrics
public       GET    /openapi.json
O . . . . P  GET    /operations
public       GET    /operations/<any(style.css,mark.svg):name>
. . . . . P  POST   /operations/compare
. . . . . P  GET    /operations/decide
. . . . . P  POST   /operations/decide
public       GET    /operations/login
public       POST   /operations/login
public       POST   /operations/logout
O . . . . P  GET    /operations/parked
O . . . . P  GET    /operations/parked/<parked_id>
. . . . . P  POST   /operations/parked/<parked_id>
. . . . . P  POST   /v1/events/discard
O . . . . P  GET    /v1/events/groups
O . . . . P  GET    /v1/events/parked
O . . . . P  GET    /v1/events/parked/<parked_id>
. . . . . P  POST   /v1/events/parked/<parked_id>/discard
. . . . . P  POST   /v1/events/parked/<parked_id>/restore
. . . . . P  POST   /v1/events/parked/<parked_id>/retry
. . . . . P  POST   /v1/events/reconcile
O . . . . P  GET    /v1/events/reconciliation
. . . . . P  POST   /v1/events/replay
. . . . . P  POST   /v1/events/restore
. . . . . P  POST   /v1/events/retry
O . . . . P  GET    /v1/ledger
O . . . . P  GET    /v1/ledger/handled
O . . . . P  GET    /v1/ledger/parked
O . . . . P  GET    /v1/ledger/published
O . . . . P  GET    /v1/ledger/refused
O . . . . P  GET    /v1/timeline/<subject>
""",
    "intake": """
O U T . . .  GET    /v1/applications
. . T . . .  POST   /v1/applications
O U T . . .  GET    /v1/applications/<project>
. . T . . .  PUT    /v1/applications/<project>
. . T . . .  POST   /v1/applications/<project>/evidence
O U T . . .  GET    /v1/applications/<project>/history
. U . . . .  POST   /v1/applications/<project>/ineligible
. U . . . .  POST   /v1/applications/<project>/not-recommend
. U . . . .  POST   /v1/applications/<project>/recommend
. U . . . .  POST   /v1/applications/<project>/return
. U . . . .  POST   /v1/applications/<project>/review/items
. U . . . .  POST   /v1/applications/<project>/review/start
. . T . . .  POST   /v1/applications/<project>/submit
O U T . . .  POST   /v1/changes
public       GET    /v1/programmes
O . . . . .  POST   /v1/programmes
public       GET    /v1/programmes/<programme>
public       GET    /v1/units
O . . . . .  PUT    /v1/units/<code>
O . . . . P  POST   /v1/violations
""",
    "scoring": """
O . . E . .  GET    /v1/assignments
O . . . . .  POST   /v1/assignments
O . . . . .  GET    /v1/entries
O . . E . .  GET    /v1/entries/<project>
. . . E . .  POST   /v1/entries/<project>/recuse
. . . E . .  POST   /v1/entries/<project>/scores
O . . . . .  GET    /v1/experts
O . . . . .  POST   /v1/experts
O . . . . .  POST   /v1/experts/<code>/conflicts
O . . . . .  GET    /v1/objections
public       POST   /v1/objections
O . . . . .  POST   /v1/objections/<objection>/decide
O . . . . .  POST   /v1/publicity
public       GET    /v1/publicity/<publicity>
O . . . . .  POST   /v1/rankings
""",
    "inspection": """
O . . . . P  GET    /v1/agencies
O . . . . .  POST   /v1/agencies
O . . . . .  POST   /v1/agencies/<agency>/keys
O . . . . .  POST   /v1/agencies/<agency>/keys/<kid>/end
O . . . A P  GET    /v1/agencies/<agency>/receipts
public       POST   /v1/agency-messages
O . . . . .  POST   /v1/changes/<change>/decide
O . . . A P  GET    /v1/inspections
O . . . . .  POST   /v1/inspections/<inspection>/void
O . . . . .  POST   /v1/inspectors
public       GET    /v1/plans
O . . . . .  POST   /v1/plans
O . . . . .  POST   /v1/plans/<plan>/draw
public       GET    /v1/plans/<plan>/transcript
O . . . . P  GET    /v1/projects
O . . . . P  GET    /v1/projects/<project>
O . . . . .  POST   /v1/projects/<project>/reinstate
O . . . . .  POST   /v1/projects/<project>/revoke
O . . . . P  GET    /v1/quarantine
O . . . . P  GET    /v1/revocations
O . . . . P  GET    /v1/tasks
O . . . . .  POST   /v1/tasks/<task>/dismiss
""",
    "notification": """
public       GET    /
public       GET    /.well-known/jwks.json
public       GET    /<any(site.css,favicon.svg):name>
public       GET    /<any(register,circulars,inspections,publicity,statistics,about):name>
public       GET    /<any(zh,en):language>/
public       GET    /<any(zh,en):language>/about
public       GET    /<any(zh,en):language>/circulars
public       GET    /<any(zh,en):language>/circulars/<number>
public       GET    /<any(zh,en):language>/feed.atom
public       GET    /<any(zh,en):language>/inspections
public       GET    /<any(zh,en):language>/inspections/<plan>
public       GET    /<any(zh,en):language>/projects/<project>
public       GET    /<any(zh,en):language>/publicity
public       GET    /<any(zh,en):language>/register
public       GET    /<any(zh,en):language>/register.atom
public       GET    /<any(zh,en):language>/register.csv
public       GET    /<any(zh,en):language>/statistics
public       GET    /circulars/<number>
public       GET    /draws/<plan>.json
. . . . . P  POST   /operations/deliveries/<delivery>/retry
public       GET    /projects/<project>
public       GET    /status-lists/1
public       GET    /v1/circulars
public       GET    /v1/circulars/<number>
O . . . . P  GET    /v1/deliveries
O . . . . P  GET    /v1/deliveries/<delivery>
O . . . . P  POST   /v1/deliveries/<delivery>/retry
public       GET    /v1/register
public       GET    /v1/register/<project>
public       GET    /v1/statistics
O . . . . .  GET    /v1/subscribers
O . . . . .  POST   /v1/subscribers
O . . . . .  DELETE /v1/subscribers/<subscriber>
""",
}


def expected(service):
    """{(method, path): roles} as the table has it."""
    found = {}
    lines = f"{TABLE['each']}{TABLE[service]}".splitlines()
    for line in filter(None, lines):
        marks, method, path = re.fullmatch(r"(.+?) +([A-Z]+) +(\S+)", line).groups()
        roles = {LETTERS[mark] for mark in marks.split() if mark in LETTERS}
        found[method, path] = roles if marks != "public" else set()
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_route_is_open_to_whom_the_table_says(laurel, service):
    routes = routes_of(type(laurel.services[service]))
    assert {(spec.method, spec.path): set(spec.roles) for spec in routes} == expected(service)


@pytest.fixture(scope="module")
def laurel(tmp_path_factory):
    with Laurel(tmp_path_factory.mktemp("roles")) as laurel:
        yield laurel


def called(laurel, service, method, path, headers):
    """Status and words of a call with nothing in it."""
    address = re.sub("<[^>]*:[^>]*>", "en", path)
    address = re.sub("<[^>]*>", "001", address)
    same = {"Sec-Fetch-Site": "same-origin"}
    answer = laurel.http(service).open(address, method=method, headers=headers | same)
    return answer.status_code, answer.get_data(as_text=True)


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_else_comes_in_and_nobody_without_a_token(laurel, service):
    tokens = {
        role: laurel.token(role, **{role: CLAIMS[role]} if role in CLAIMS else {}) for role in ROLES
    }
    for (method, path), roles in expected(service).items():
        if not roles:
            status, words = called(laurel, service, method, path, {})
            assert status != 401 or path == "/operations/login", (method, path)
            continue
        assert called(laurel, service, method, path, {})[0] in {401, 303}, (method, path)
        for role, headers in tokens.items():
            status, words = called(laurel, service, method, path, headers)
            is_kept_out = status == 403 and f"Role {role} may not do this" in words
            assert is_kept_out == (role not in roles), (method, path, role, status, words[:200])
