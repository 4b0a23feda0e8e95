"""A round and the register of units change at once: each unit has its places in each round."""

import io

import pytest
from ruamel.yaml import YAML
from sqlalchemy import select

from services.intake import models
from services.intake.commands import programmes
from shared.programme.definition import normalise
from shared.testing import acting
from tests.intake.conftest import PROGRAMME, UNIT, Intake
from tests.side_by_side import side_by_side

ENTRY = {
    "kind": "province",
    "name_zh": "某省",
    "name_en": "Some Province",
    "region_code": None,
    "region_edition": None,
}


@pytest.fixture
def office(tmp_path, postgres_url):
    with Intake(tmp_path, {"LAUREL_DATABASE_URL": postgres_url}) as office:
        office.publish()
        yield office


def definition(**changes):
    return normalise(YAML(typ="safe").load(io.StringIO(PROGRAMME)) | changes)


def publish(office, told):
    context = acting(office.clock.now())
    return lambda session: programmes.publish_programme(session, told, context)


def both(office, acts, *, in_order):
    database = office.runtime("intake").database
    side_by_side(database, *(acts if in_order else reversed(acts)))


def places(office, unit):
    quota = models.UnitQuota
    with office.session("intake") as session:
        rows = session.execute(select(quota.programme, quota.places).where(quota.unit == unit))
        return dict(rows.all())


@pytest.mark.parametrize("in_order", [True, False])
def test_a_unit_changed_beside_a_new_edition_has_its_places(office, in_order):
    quotas = definition()["unit_quotas"] | {UNIT: 7}
    change = lambda session: programmes.register_unit(session, UNIT, dict(ENTRY))  # noqa: E731
    both(office, [publish(office, definition(unit_quotas=quotas)), change], in_order=in_order)
    assert places(office, UNIT) == {"2020": 7}


@pytest.mark.parametrize("in_order", [True, False])
def test_a_new_unit_beside_a_new_round_has_places_in_both(office, in_order):
    enter = lambda session: programmes.register_unit(session, "P990000", dict(ENTRY))  # noqa: E731
    both(office, [publish(office, definition(id="2021")), enter], in_order=in_order)
    assert places(office, "P990000").keys() == {"2020", "2021"}
