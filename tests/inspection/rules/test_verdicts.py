"""Verdicts by the policy, and what they do to a project."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import product
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.inspection.rules import reports, states, verdicts
from services.inspection.rules.states import Move
from services.inspection.rules.verdicts import Outcome
from shared.programme.values import IMMEDIATE, RECTIFY, InspectionPolicy
from shared.project import State

GATES = ("false_material", "major_accident")
KEYS = (*GATES, "signage", "records")
RESULTS = ("no_breach", "breach", *verdicts.STOPPING)
STOPPED = {
    "non_cooperation": Outcome.NOT_COOPERATING,
    "closed_or_liquidation": Outcome.CEASED,
    "unreachable": Outcome.UNREACHABLE,
    "inconclusive": Outcome.INCONCLUSIVE,
}
BANDS = tuple(map(Decimal, ("0", "59.99", "60", "60.01", "64.99", "65", "65.01", "100")))


def policy(
    *,
    is_immediate=True,
    not_cooperating_fails=True,
    warning="60",
    passing="65",
    least_returned=1,
    least_return_rate="0",
    finding_keys=(),
    hard_gates=GATES,
    key_names=MappingProxyType({}),
):
    return InspectionPolicy(
        policy=IMMEDIATE if is_immediate else RECTIFY,
        pass_score=Decimal(passing),
        warning_score=Decimal(warning),
        hard_gates=hard_gates,
        finding_keys=finding_keys,
        key_names=key_names,
        rectification_days=30,
        not_cooperating_fails=not_cooperating_fails,
        least_returned=least_returned,
        least_return_rate=Decimal(least_return_rate),
        min_inspectors=2,
        agency_cap_per_year=10,
        draw_notice_working_days=3,
        draw_within_days=30,
        hearing_working_days=3,
        rule_version="2020-1",
        citation_zh="",
        citation_en="",
    )


def report(
    result="no_breach", score=None, breaches=(), questionnaire=None, method="full_assessment"
):
    findings = [{"key": key, "result": "breach" if key in breaches else "ok"} for key in KEYS]
    return {
        "method": method, "result": result, "score": score, "findings": findings, "questionnaire": questionnaire,
    }  # fmt: skip


def expected(result, points, breaches, warning, passing):
    """The bands in words: stopped first, then what fails, then what is to be put right."""
    if result in STOPPED:
        return STOPPED[result]
    if set(breaches) & set(GATES) or (points is not None and points < warning):
        return Outcome.FAIL
    if breaches or result == "breach" or (points is not None and points < passing):
        return Outcome.RECTIFY
    return Outcome.PASS


@given(
    result=st.sampled_from(RESULTS),
    score=st.none() | st.sampled_from(BANDS) | st.decimals(0, 100, places=2),
    breaches=st.sets(st.sampled_from(KEYS)),
    bands=st.tuples(st.decimals(0, 100, places=2), st.decimals(0, 100, places=2)).map(sorted),
)
def test_every_report_falls_into_its_band(result, score, breaches, bands):
    warning, passing = bands
    made = policy(warning=str(warning), passing=str(passing))
    verdict = verdicts.verdict(report(result, score, breaches), made)
    assert verdict.outcome is expected(result, score, breaches, warning, passing)
    assert len(verdict.reasons_zh) == len(verdict.reasons_en) >= 1
    assert verdict.rule_version == "2020-1"


@pytest.mark.parametrize("result", RESULTS)
@pytest.mark.parametrize("score", [None, *BANDS])
@pytest.mark.parametrize("breaches", [(), ("signage",), ("false_material",), KEYS])
def test_every_corner_of_the_bands(result, score, breaches):
    verdict = verdicts.verdict(report(result, score, breaches), policy())
    assert verdict.outcome is expected(result, score, breaches, Decimal(60), Decimal(65))


@pytest.mark.parametrize(
    ("given_report", "zh", "en"),
    [
        (report(score=Decimal("59.99")), ["得分59.99，低于60分"], ["score 59.99 is below 60"]),
        (report(score=Decimal("64.99")), ["得分64.99，低于65分"], ["score 64.99 is below 65"]),
        (report(score=Decimal(65)), ["未发现问题"], ["no breach found"]),
        (report("breach"), ["报告认定存在问题"], ["the report finds a breach"]),
        (report(breaches=("signage",)), ["发现问题：signage"], ["breach found: signage"]),
        (
            report(score=Decimal("41.5"), breaches=("major_accident", "records")),
            ["触及一票否决项：major_accident", "得分41.5，低于60分"],
            ["hard gate breached: major_accident", "score 41.5 is below 60"],
        ),
        (report("unreachable"), ["无法取得联系"], ["could not be reached"]),
    ],
)
def test_reasons_say_the_same_in_both_languages(given_report, zh, en):
    verdict = verdicts.verdict(given_report, policy())
    assert (list(verdict.reasons_zh), list(verdict.reasons_en)) == (zh, en)


@pytest.mark.parametrize(
    ("satisfied", "returned", "share", "outcome"),
    [
        (0, 0, None, Outcome.INCONCLUSIVE),
        (108, 180, Fraction(60), Outcome.RECTIFY),
        (107, 180, Fraction(10700, 180), Outcome.FAIL),
        (117, 180, Fraction(65), Outcome.PASS),
        (180, 180, Fraction(100), Outcome.PASS),
        (11_999, 20_000, Fraction(59_995, 1000), Outcome.FAIL),
        (12_999, 20_000, Fraction(64_995, 1000), Outcome.RECTIFY),
    ],
)
def test_a_questionnaire_counts_by_its_share_of_satisfied_answers(
    satisfied, returned, share, outcome
):
    numbers = {"issued": 20_000, "returned": returned, "satisfied": satisfied}
    assert verdicts.satisfaction(numbers) == share
    asked = report(questionnaire=numbers, method="questionnaire")
    assert verdicts.verdict(asked, policy()).outcome is outcome


def test_a_share_just_below_a_threshold_is_never_shown_as_if_it_reached_it():
    numbers = {"issued": 20_000, "returned": 20_000, "satisfied": 11_999}
    verdict = verdicts.verdict(report(questionnaire=numbers, method="questionnaire"), policy())
    assert verdict.reasons_en == ("score 59.99 is below 60",)


def test_an_agencys_own_score_does_not_outweigh_the_survey():
    numbers = {"issued": 100, "returned": 100, "satisfied": 0}
    asked = report(score=Decimal(95), questionnaire=numbers, method="questionnaire")
    assert verdicts.verdict(asked, policy()).outcome is Outcome.FAIL


def test_a_breach_counts_also_where_no_questionnaire_came_back():
    numbers = {"issued": 100, "returned": 0, "satisfied": 0}
    asked = report(breaches=("signage",), questionnaire=numbers, method="questionnaire")
    assert verdicts.verdict(asked, policy()).outcome is Outcome.RECTIFY


def test_without_a_questionnaire_there_is_no_satisfaction():
    assert verdicts.satisfaction(None) is None


@pytest.mark.parametrize(
    ("issued", "returned", "least", "rate", "is_told"),
    [
        (1000, 1, 10, "0", False),
        (10, 9, 10, "0", False),
        (10, 10, 10, "0", True),
        (1000, 99, 10, "10", False),
        (1000, 100, 10, "10", True),
        (3, 1, 1, "33.34", False),
        (3, 1, 1, "33.33", True),
    ],
)
def test_too_few_answers_tell_nothing_however_they_are(issued, returned, least, rate, is_told):
    made = policy(least_returned=least, least_return_rate=rate)
    for satisfied in (0, returned):
        numbers = {"issued": issued, "returned": returned, "satisfied": satisfied}
        asked = report(questionnaire=numbers, method="questionnaire")
        told = Outcome.PASS if satisfied else Outcome.FAIL
        outcome = verdicts.verdict(asked, made).outcome
        assert outcome is (told if is_told else Outcome.INCONCLUSIVE)


def test_a_gate_that_is_breached_is_told_also_where_the_inspection_came_to_nothing():
    for result, outcome in STOPPED.items():
        verdict = verdicts.verdict(report(result, breaches=("major_accident",)), policy())
        assert verdict.outcome is outcome
        assert "hard gate breached: major_accident" in verdict.reasons_en


def test_what_was_found_is_told_by_its_name_and_its_key():
    names = {
        "major_accident": {"name_zh": "发生重大事故", "name_en": "major accident"},
        "signage": {"name_zh": "标识标牌", "name_en": "signage of the site"},
    }
    made = policy(key_names=names)
    failed = verdicts.verdict(report(breaches=("major_accident", "signage")), made)
    assert failed.reasons_zh == ("触及一票否决项：发生重大事故（major_accident）",)
    assert failed.reasons_en == ("hard gate breached: major accident (major_accident)",)
    rectify = verdicts.verdict(report(breaches=("records", "signage")), made)
    assert rectify.reasons_zh == ("发现问题：records", "发现问题：标识标牌（signage）")
    assert rectify.reasons_en == (
        "breach found: records",
        "breach found: signage of the site (signage)",
    )


def test_keys_of_findings_come_from_the_definition():
    keys = ("signage", "Signage", "False_Material", "false-material", "false_material")
    asked = {"findings": [{"key": key, "result": "ok"} for key in keys]}
    listed = reports.unknown_keys(asked, policy(finding_keys=("signage",)))
    assert listed == ["False_Material", "Signage", "false-material"]
    gates_alone = ["False_Material", "Signage", "false-material", "signage"]
    assert reports.unknown_keys(asked, policy()) == gates_alone
    assert reports.unknown_keys(asked, policy(hard_gates=())) == []


CASES = list(product(Outcome, (True, False), (True, False), (True, False)))


@pytest.mark.parametrize(("outcome", "immediate", "strict", "news"), CASES)
def test_first_inspections_do_what_the_transitions_14_to_16_say(outcome, immediate, strict, news):
    made = policy(is_immediate=immediate, not_cooperating_fails=strict)
    failed = outcome is Outcome.FAIL or (outcome is Outcome.NOT_COOPERATING and strict)
    table = {}
    if failed and immediate:
        table = {State.DESIGNATED: Move.REVOKE, State.RECTIFYING: Move.REVOKE}
    elif (failed or outcome is Outcome.RECTIFY) and news:
        table = {State.DESIGNATED: Move.ORDER_RECTIFICATION}
    for state in State:
        move = verdicts.after_inspection(outcome, state, made, is_news=news)
        assert move is table.get(state)
        assert move is None or (state, move) in states.TRANSITIONS


@pytest.mark.parametrize(("outcome", "immediate", "strict", "running"), CASES)
def test_reinspections_do_what_the_transitions_17_and_18_say(outcome, immediate, strict, running):
    made = policy(is_immediate=immediate, not_cooperating_fails=strict)
    table = {}
    if outcome is Outcome.FAIL or (outcome is Outcome.NOT_COOPERATING and strict):
        table = {State.DESIGNATED: Move.REVOKE, State.RECTIFYING: Move.REVOKE}
    elif outcome is Outcome.PASS and running:
        table = {State.RECTIFYING: Move.CLOSE_RECTIFICATION}
    for state in State:
        move = verdicts.after_reinspection(outcome, state, made, is_running=running)
        assert move is table.get(state)
        assert move is None or (state, move) in states.TRANSITIONS


@pytest.mark.parametrize(("outcome", "state"), [*product(Outcome, State)])
def test_what_moved_nothing_is_looked_at_unless_all_is_well(outcome, state):
    unsettled = {Outcome.UNREACHABLE, Outcome.CEASED, Outcome.INCONCLUSIVE}
    is_well = outcome in {Outcome.PASS, Outcome.VOID}
    expected = outcome in unsettled or (state in states.ACTIVE and not is_well)
    assert verdicts.is_open(outcome, state, None) is expected
    assert verdicts.is_open(outcome, state, Move.REVOKE) is False


@pytest.mark.parametrize("wrong", [{}, {"method"}, {"day"}, {"team"}, {"method", "day", "team"}])
def test_a_report_agrees_with_what_was_drawn_or_is_told_where_not(wrong):
    drawn = date(2020, 11, 2)
    told = {
        "method": "site_check" if "method" in wrong else "questionnaire",
        "conducted_on": drawn - timedelta(days=1) if "day" in wrong else drawn,
        "inspectors": ["I3", "I9", "I1"] if "team" in wrong else ["I2", "I1"],
    }
    words = {
        "method": "the method assigned is questionnaire",
        "day": "it was conducted before it was drawn",
        "team": "these inspectors were not drawn: I3, I9",
    }
    found = reports.disagreements(
        told, method="questionnaire", drawn_on=drawn, inspectors=["I1", "I2"]
    )
    assert found == [text for name, text in words.items() if name in wrong]
