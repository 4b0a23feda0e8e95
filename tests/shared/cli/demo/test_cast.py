"""Everybody invented has a valid code, and the same seed invents the same."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from stdnum.cn import uscc

from shared.cli.demo.cast import Cast, Fate
from shared.programme.definition import parse
from shared.programme.lint import read_programme

DEFINITION = Path(__file__).parents[4] / "services/intake/data/programme-2020.yaml"
PROGRAMME = parse(read_programme(DEFINITION.read_text()))
UNITS = [
    {"code": "P110000", "kind": "province", "region_code": "110000"},
    {"code": "C210200", "kind": "planning_city", "region_code": "210200"},
    {"code": "S001", "kind": "central_enterprise", "region_code": None},
]


@given(st.integers(0, 2**32), st.integers(1, 99), st.integers(1, 60))
def test_every_credit_code_is_valid_and_used_once(seed, run, count):
    people = Cast(seed, run).applicants(count, UNITS, PROGRAMME)
    codes = {person.uscc for person in people}
    assert len(people) == len(codes) == count
    assert all(uscc.is_valid(code) for code in codes)


def test_the_same_seed_gives_the_same_cast():
    first, again = (Cast(7, 1).applicants(40, UNITS, PROGRAMME) for _ in range(2))
    assert first == again
    assert first != Cast(8, 1).applicants(40, UNITS, PROGRAMME)


def test_another_run_has_other_credit_codes_and_agencies():
    codes = [{p.uscc for p in Cast(7, run).applicants(40, UNITS, PROGRAMME)} for run in (1, 2)]
    agencies = [{agency["code"] for agency, _ in Cast(7, run).agencies()} for run in (1, 2)]
    assert not codes[0] & codes[1]
    assert not agencies[0] & agencies[1]


def test_every_direction_is_applied_for_and_the_first_application_is_sound():
    people = Cast(7, 1).applicants(20, UNITS, PROGRAMME)
    assert {person.direction for person in people} == set(PROGRAMME.directions)
    assert people[0].fate is Fate.VERIFIED


@given(st.integers(0, 2**32), st.integers(1, 200))
def test_about_seven_in_a_hundred_fail_and_at_least_one(seed, count):
    projects = [f"2020-P110000-{number:04}" for number in range(count)]
    failing = Cast(seed, 1).failing(projects)
    assert len(failing) == max(1, round(count * 0.07))
    assert failing <= set(projects)
