"""Every rule of the definition speaks with the line, the field and what to change."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from shared.errors import InvalidError
from shared.programme.lint import Finding, lint, read_programme
from shared.programme.schema import Points

SHIPPED = (Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml").read_text()
LINES = SHIPPED.splitlines()
FINE = "must be from 0 to 100, with at most 6 decimal places"
INSTANT = "must be a day and time with its offset, like 2020-10-12T00:00:00+08:00"


def line_of(part):
    (number,) = [number for number, line in enumerate(LINES, start=1) if part in line]
    return number


def found(old, new):
    """What is said of the shipped definition with one part changed."""
    assert SHIPPED.count(old) == 1
    return [str(finding) for finding in lint(SHIPPED.replace(old, new))]


def test_the_shipped_definition_is_clean():
    assert lint(SHIPPED) == []
    assert read_programme(SHIPPED)["id"] == "2020"


@pytest.mark.parametrize(
    ("old", "new", "where", "message"),
    [
        ('id: "2020"', 'id: ""', "id", "must be 1 to 20 letters or digits"),
        ('id: "2020"', 'id: "20/20"', "id", "must be 1 to 20 letters or digits"),
        ('id: "2020"', "id: 2020", "id", "must be text: put it in quotes"),
        ("total_quota: 60", "total_quota: 0", "total_quota", "must be from 1 to 100000"),
        ("total_quota: 60", "total_quota: many", "total_quota", "Not a valid integer."),
        ("total_quota: 60", "total_quota: 60.5", "total_quota", "Not a valid integer."),
        ("total_quota: 60", "total_quota: null", "total_quota", "must have a value"),
        (
            "total_quota: 60",
            "total_quota: 60\nfavourite_colour: red",
            "favourite_colour",
            "there is no such key; remove it",
        ),
        (
            "experts_per_application: 3",
            "experts_per_application: -1",
            "experts_per_application",
            "must be from 1 to 100000",
        ),
        (
            "publicity_working_days: 5",
            "publicity_working_days: 0",
            "publicity_working_days",
            "must be from 1 to 1000",
        ),
        ("validity_years: 3", "validity_years: 9000", "validity_years", "must be from 1 to 100"),
        (
            "closes_at: 2020-10-31T00:00:00+08:00",
            "closes_at: 2020-10-12T00:00:00+08:00",
            "submission.closes_at",
            "must be after opens_at",
        ),
        (
            "closes_at: 2020-10-31T00:00:00+08:00",
            "closes_at: 2020-10-31",
            "submission.closes_at",
            INSTANT,
        ),
        (
            "closes_at: 2020-10-31T00:00:00+08:00",
            "closes_at: 2020-13-31T00:00:00+08:00",
            "submission.closes_at",
            INSTANT,
        ),
        ("number: 2, class: A", "number: 1, class: A", "directions.1.number", "1 is there already"),
        (
            "number: 2, class: A",
            "number: two, class: A",
            "directions.1.number",
            "Not a valid integer.",
        ),
        (
            "number: 2, class: A",
            "number: 2, class: Z",
            "directions.1.class",
            "'Z' is not among the classes",
        ),
        ("quota: 8", "quota: 0", "directions.6.quota", "must be from 1 to 100000"),
        (
            "  province: 10",
            "  provinces: 10",
            "unit_quotas.provinces",
            "must be province, planning_city, corps, central_enterprise or the code of a unit",
        ),
        ("  province: 10", "  province: -1", "unit_quotas.province", "must be from 0 to 100000"),
        ("  province: 10", "  province: ten", "unit_quotas.province", "Not a valid integer."),
        (
            "A: {name_zh: 生活类信息消费",
            "A: {name_zh: ''",
            "classes.A.name_zh",
            "must have 1 to 200 characters",
        ),
        (
            "key: innovation",
            "key: ''",
            "rubric.0.key",
            "must be 1 to 60 letters, digits, - or _, first a letter",
        ),
        ("key: effect", "key: innovation", "rubric.1.key", "innovation is there already"),
        (
            "weight: 0.30",
            "weight: -0.30",
            "rubric.2.weight",
            "must be above 0, at most 1, with at most 6 decimal places",
        ),
        (
            "weight: 0.30",
            "weight: 0.3000001",
            "rubric.2.weight",
            "must be above 0, at most 1, with at most 6 decimal places",
        ),
        (
            "weight: 0.30, max: 100",
            "weight: 0.30, max: 0",
            "rubric.2.max",
            "must be above 0, at most 1000, with at most 2 decimal places",
        ),
        ("weight: 0.30, max: 100", "weight: 0.30", "rubric.2.max", "is missing: add it"),
        (
            "workday_overrides: {}",
            "workday_overrides: {2027-02-30: true}",
            "workday_overrides.2027-02-30",
            "must be a day like 2020-10-12",
        ),
        (
            "workday_overrides: {}",
            "workday_overrides: {2027-02-20: perhaps}",
            "workday_overrides.2027-02-20",
            "must be true or false",
        ),
        (
            "policy: immediate",
            "policy: later",
            "inspection.policy",
            "Must be one of: immediate, rectify.",
        ),
        ("pass_score: 65", "pass_score: 60.0000001", "inspection.pass_score", FINE),
        ("pass_score: 65", "pass_score: 101", "inspection.pass_score", FINE),
        (
            "warning_score: 60",
            "warning_score: 66",
            "inspection.warning_score",
            "must not be above pass_score",
        ),
        (
            "rectification_days: 90",
            "rectification_days: 0",
            "inspection.rectification_days",
            "must be from 1 to 1000",
        ),
        (
            "min_inspectors: 2",
            "min_inspectors: 1",
            "inspection.min_inspectors",
            "must be from 2 to 20",
        ),
        (
            "hard_gates: [false_material",
            "hard_gates: [7",
            "inspection.hard_gates.0",
            "must be text: put it in quotes",
        ),
        (
            'rule_version: "2020-1"',
            "rule_version: " + 41 * "x",
            "inspection.rule_version",
            "must have 1 to 40 characters",
        ),
        (
            "not_cooperating_fails: true",
            "not_cooperating_fails: perhaps",
            "inspection.not_cooperating_fails",
            "must be true or false",
        ),
    ],
)
def test_a_fault_is_told_with_its_line_its_field_and_what_to_change(old, new, where, message):
    line = line_of(old) + new.count("\n")
    assert found(old, new) == [f"line {line}: {where}: {message}"]


def test_a_misspelt_key_is_told_its_right_name():
    hint = "there is no such key; did you mean 'total_quota'?"
    assert found("total_quota: 60", "total_qouta: 60") == [
        "line 1: total_quota: is missing: add it",
        f"line {line_of('total_quota')}: total_qouta: {hint}",
    ]


def test_weights_must_sum_to_exactly_1():
    assert found("weight: 0.30", "weight: 0.29") == [
        f"line {line_of('rubric:')}: rubric: the weights sum to 0.99; they must sum to exactly 1"
    ]


@pytest.mark.parametrize("key", ["id", "submission", "rubric", "inspection"])
def test_a_missing_key_is_named(key):
    start = next(n for n, line in enumerate(LINES) if line.startswith(f"{key}:"))
    ends = [n for n, line in enumerate(LINES) if n > start and not line.startswith(" ")]
    text = "\n".join(LINES[:start] + LINES[ends[0] if ends else len(LINES) :])
    assert Finding(1, key, "is missing: add it") in lint(text)


def test_several_faults_are_listed_by_line():
    text = SHIPPED.replace("total_quota: 60", "total_quota: 0").replace("quota: 8", "quota: 0")
    assert [finding.line for finding in lint(text)] == [line_of("quota: 8"), line_of("total_quota")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "total_quota: 60",
            "total_quota: 60\ntotal_quota: 61",
            'found duplicate key "total_quota" with value "61" (original value: "60")',
        ),
        ("total_quota: 60", "total_quota: [60", "expected ',' or ']', but got '<scalar>'"),
        (
            "total_quota: 60",
            "total_quota: *sixty",
            "aliases (*name) are not read: write the value out",
        ),
        (
            "total_quota: 60",
            "total_quota: !!int 60",
            "tags (tag:yaml.org,2002:int) are not read: write the plain value",
        ),
        (
            "total_quota: 60",
            "total_quota: " + 2001 * "9",
            "the value is longer than 2000 characters",
        ),
        ("total_quota: 60", "total_quota: " + 5000 * "[", "nested deeper than 20 levels"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(old, new, message):
    (finding,) = lint(SHIPPED.replace(old, new))
    assert finding.message == f"cannot be read: {message}"
    assert finding.line in {line_of(old) + new.count("\n"), line_of(old) + 1}


@pytest.mark.parametrize("text", ["", "- 1", "just words", "12", "null"])
def test_a_text_that_is_no_mapping_is_told_how_to_begin(text):
    assert lint(text) == [Finding(1, "", "must be a mapping that begins with 'id:'")]


@pytest.mark.parametrize(
    "text",
    [
        f"%YAML {'1' * 5000}.1\n---\na: 1",
        "%YAML 1.1 1\n---\na: 1",
        "%TAG ! x\n---\n!a : 1",
        "a: 0x" + 1900 * "f",
        "a: 9999-99-99",
        "a: 12:99:99",
        "? [a]\n: 1",
        "<<: 1\na: 1",
        "<<: {a: b}",
    ],
    ids=lambda text: text[:12],
)
def test_whatever_the_parser_trips_over_is_told_as_a_fault(text):
    assert lint(text)


def test_a_text_that_is_too_long_is_not_read():
    assert lint("#" * 65_537) == [Finding(1, "", "longer than 65536 characters")]


@pytest.mark.parametrize(
    "text",
    [
        "[" + "1, " * 3000 + "1]",
        "- 1\n" * 6000,
        "".join(f"k{number}: 1\n" for number in range(4000)),
        "".join(f"- &a{number} 1\n" for number in range(6000)),
        "[" * 4000,
        "{" * 4000,
        "[[[[[[[[]]]]]]]]\n" * 3000,
    ],
    ids=lambda text: text[:12],
)
def test_a_text_with_more_parts_than_any_round_has_is_given_up_on(text):
    assert len(lint(text)) == 1


def test_reading_a_faulty_text_raises_all_findings_and_names_the_first():
    with pytest.raises(InvalidError) as refusal:
        read_programme(SHIPPED.replace("total_quota: 60", "total_quota: 0"))
    line = line_of("total_quota")
    assert refusal.value.detail == (
        "The programme definition has 1 faults; the first: "
        f"line {line}: total_quota: must be from 1 to 100000"
    )
    assert refusal.value.extra["errors"] == [
        {"line": line, "field": "total_quota", "message": "must be from 1 to 100000"}
    ]


PIECES = [
    "id",
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "{",
    "}",
    "]",
    "&a",
    "*a",
    "!!int ",
    "'",
    '"',
    "?",
    "|",
    ">",
    "#",
    "%",
    "---",
    "...",
    "<<",
    "0x",
    "1e9",
    "2020-01-01",
    "null",
    "~",
    "\t",
    "a",
    "rubric",
    "directions",
    "weight",
    ",",
]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_gets_findings_and_never_an_exception(text):
    assert lint(text) != []


@given(st.integers(0, len(SHIPPED)), st.integers(0, 40), st.sampled_from(PIECES))
def test_any_damage_to_a_good_definition_is_survived(start, length, piece):
    for finding in lint(SHIPPED[:start] + piece + SHIPPED[start + length :]):
        assert 1 <= finding.line <= len(LINES) + 2
        assert finding.message


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("  corps: 5\n", "", "unit_quotas.corps"),
        ("  corps: 5\n", "  corps: 5\n  PROVINCE: 3\n", "unit_quotas.PROVINCE"),
        (
            "[false_material, major",
            "[false_material, false_material, major",
            "inspection.hard_gates",
        ),
        ("  corps: 5\n", "  corps: 5\n  PROVINSE: 3\n", "unit_quotas.PROVINSE"),
        ("  corps: 5\n", "  corps: 5\n  CORP: 3\n", "unit_quotas.CORP"),
        ("    - signage\n", "    - signage\n    - False-Material\n", "inspection.finding_keys"),
        ("    signage: {name_zh", "    signs: {name_zh", "inspection.key_names"),
        ("name_en: signage}", "name_en: ' '}", "inspection.key_names.signage.name_en"),
        ("key: innovation", "key: '\u200b'", "rubric.0.key"),
        ("name_zh: 生活类", "name_zh: \u202e生活类", "classes.A.name_zh"),
        ('rule_version: "2020-1"', "rule_version: '\u200b\u2060'", "inspection.rule_version"),
        ("[false_material, major", "[' ', major", "inspection.hard_gates.0"),
        ("key: innovation", "key: ' '", "rubric.0.key"),
        ('rule_version: "2020-1"', "rule_version: ' '", "inspection.rule_version"),
        ("min_inspectors: 2", "min_inspectors: 1000000000000", "inspection.min_inspectors"),
        ("    - signage\n", "    - signage\n    - signage\n", "inspection.finding_keys"),
    ],
)
def test_what_would_fail_or_give_nothing_later_is_found_before(old, new, where):
    assert old in SHIPPED
    assert [finding.where for finding in lint(SHIPPED.replace(old, new))] == [where]


def test_a_window_of_no_possible_year_is_refused():
    line = next(line for line in LINES if "closes_at" in line)
    changed = SHIPPED.replace(line, line.split(":")[0] + ": 9999-12-31T00:00:00+08:00")
    assert [finding.where for finding in lint(changed)] == ["submission.closes_at"]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("0", True),
        ("100", True),
        ("1E+2", True),
        ("82.50", True),
        ("82.500", True),
        ("0.010", True),
        ("82.505", False),
        ("0.001", False),
        ("0.0000100", False),
        ("1E-99999999", False),
        ("0E-99999999", False),
        ("0E+99999999", False),
        ("100.01", False),
        ("-0.01", False),
    ],
)
def test_points_are_written_out_with_so_many_places(text, fits):
    if fits:
        assert Points(2)(Decimal(text)) == Decimal(text)
    else:
        with pytest.raises(ValidationError, match="from 0 to 100, with at most 2 decimal places"):
            Points(2)(Decimal(text))
