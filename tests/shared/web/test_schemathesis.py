"""Generated requests against every route of the four services: each answer is what it says it is.

`GENERATED=100 pytest tests/shared/web/test_schemathesis.py` asks more of every route.
"""

import os
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance

from shared.catalogue import SERVICES
from shared.testing import Laurel
from shared.web.access import ROLES

PROGRAMME = Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml"
GENERATED = int(os.environ.get("GENERATED", "1"))
CLAIMS = {
    "unit": {"unit": "P110000"},
    "undertaker": {"undertaker": "91350100M000100Y43"},
    "expert": {"expert": "E1"},
    "agency": {"agency": "agency-a"},
}
# What a schema takes a rule may still refuse: a code's check digit, a blank text, a wrong state.
NOT_CHECKED = [positive_data_acceptance]
RANDOM = settings(
    max_examples=GENERATED,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def laurel(tmp_path_factory, private_postgres, databases):
    name = databases.take()
    environ = {"LAUREL_DATABASE_URL": private_postgres.url(f"{name}_{{service}}")}
    with Laurel(tmp_path_factory.mktemp("generated"), environ) as laurel:
        body, who = {"yaml": PROGRAMME.read_text()}, laurel.token("official")
        assert (
            laurel.http("intake").post("/v1/programmes", json=body, headers=who).status_code == 201
        )
        laurel.settle()
        yield laurel
    databases.give_back(name)


def faults(operation, role, headers):
    """What is wrong with the answers to some generated requests of one route by one role."""
    found = []

    @RANDOM
    @given(case=operation.as_strategy())
    def ask(case):
        answer = case.call(headers=headers)
        try:
            case.validate_response(answer, headers=headers, excluded_checks=NOT_CHECKED)
        except FailureGroup as failures:
            titles = [failure.title for failure in failures.exceptions]
            found.append((operation.label, role, answer.status_code, titles, case.query))

    ask()
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_answer_fits_the_document_whoever_asks(laurel, service):
    schema = schemathesis.openapi.from_wsgi("/openapi.json", laurel._apps[service])
    operations = [result.ok() for result in schema.get_all_operations()]
    wrong = []
    for operation in operations:
        needed = operation.definition.raw.get("x-roles", [])
        for role in [*needed, *sorted(ROLES - set(needed))[:1]]:
            headers = laurel.token(role, **CLAIMS.get(role, {}))
            wrong += faults(operation, role, headers)
    assert wrong == []
    assert len(operations) > 10
