import copy
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from marshmallow import ValidationError

from shared.programme.definition import normalise, parse
from shared.programme.lint import read_programme
from shared.programme.values import Criterion

SHIPPED = Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml"
DEFINITION = read_programme(SHIPPED.read_text())


@pytest.fixture
def definition():
    return copy.deepcopy(DEFINITION)


def test_the_shipped_definition_reads_as_its_values():
    programme = parse(DEFINITION)
    assert programme.id == "2020"
    assert programme.opens_at == datetime(2020, 10, 11, 16, tzinfo=UTC)
    assert programme.required_evidence == ("business_licence", "project_report")
    assert list(programme.directions) == list(range(1, 11))
    assert programme.directions[7].quota == 8
    assert programme.directions[1].quota is None
    assert programme.directions[3].class_code == "B"
    assert programme.rubric[2] == Criterion(
        "feasibility", "可推广性", "Replicability", Decimal("0.30"), Decimal(100)
    )
    assert programme.inspection.policy == "immediate"
    assert programme.inspection.hard_gates == (
        "false_material",
        "major_accident",
        "ceased_operation",
    )


def test_decimals_are_exact_from_the_yaml_text_to_the_values():
    text = SHIPPED.read_text()
    text = text.replace("weight: 0.35", "weight: 0.1").replace("weight: 0.30", "weight: 0.8")
    weights = [criterion.weight for criterion in parse(read_programme(text)).rubric]
    assert weights == [Decimal("0.1"), Decimal("0.1"), Decimal("0.8")]


def test_a_normalised_definition_is_json_with_every_default_and_normalises_to_itself(definition):
    del definition["inspection"]["min_inspectors"], definition["workday_overrides"]
    whole = normalise(definition)
    assert whole == DEFINITION
    assert normalise(whole) == whole
    assert whole["inspection"]["min_inspectors"] == 2
    assert whole["directions"][0]["quota"] is None
    assert whole["rubric"][0]["weight"] == "0.35"
    assert whole["submission"]["opens_at"] == "2020-10-12T00:00:00+08:00"


def test_workday_overrides_are_days(definition):
    definition["workday_overrides"] = {"2027-02-06": True, "2027-02-08": False}
    assert parse(definition).workday_overrides == {date(2027, 2, 6): True, date(2027, 2, 8): False}


def test_a_units_own_places_win_over_its_kinds(definition):
    definition["unit_quotas"] = {"province": 10, "P110000": 13, "P120000": 0}
    programme = parse(definition)
    assert programme.quota_of("P110000", "province") == 13
    assert programme.quota_of("P120000", "province") == 0
    assert programme.quota_of("P130000", "province") == 10
    assert programme.quota_of("S001", "central_enterprise") == 0


def test_parsing_a_wrong_definition_names_every_wrong_field(definition):
    definition["total_quota"] = 0
    del definition["id"]
    with pytest.raises(ValidationError) as refusal:
        parse(definition)
    assert refusal.value.messages == {
        "id": ["Missing data for required field."],
        "total_quota": ["must be from 1 to 100000"],
    }
