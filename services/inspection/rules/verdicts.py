"""Verdicts by the programme's policy, and what they do to a project (transitions 14 to 18)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

from services.inspection.rules.states import ACTIVE, Move
from shared.programme.values import InspectionPolicy
from shared.project import State

QUESTIONNAIRE = "questionnaire"


class Outcome(StrEnum):
    """What an inspection comes to."""

    PASS = "pass"  # noqa: S105 - not a password
    RECTIFY = "rectify"
    FAIL = "fail"
    NOT_COOPERATING = "not_cooperating"
    UNREACHABLE = "unreachable"
    CEASED = "ceased"
    INCONCLUSIVE = "inconclusive"
    VOID = "void"


UNSETTLED = frozenset({Outcome.UNREACHABLE, Outcome.CEASED, Outcome.INCONCLUSIVE})
"""Outcomes that move nothing and leave open what is the matter with the project."""


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reasons in both languages, under one version of the rules."""

    outcome: Outcome
    reasons_zh: tuple[str, ...]
    reasons_en: tuple[str, ...]
    rule_version: str


def verdict(report: Mapping[str, Any], policy: InspectionPolicy) -> Verdict:
    """Judge a report: what stops a judgement first, then hard gates, scores, and single breaches.

    Below the warning score, or with a hard gate breached, it failed; below the pass score, or with
    any other breach, it is to be rectified (bands of a sister programme, set by the definition).
    """
    outcome, zh, en = _judge(report, policy)
    return Verdict(outcome, tuple(zh), tuple(en), policy.rule_version)


def satisfaction(questionnaire: Mapping[str, int] | None) -> Fraction | None:
    """Satisfied answers per 100 returned, exactly; None without any returned."""
    if not questionnaire or not questionnaire["returned"]:
        return None
    return Fraction(questionnaire["satisfied"] * 100, questionnaire["returned"])


def points_of(report: Mapping[str, Any]) -> Fraction | None:
    """The figure that counts by the report's method, of 100, exactly; None without one."""
    if report["method"] == QUESTIONNAIRE:
        return satisfaction(report["questionnaire"])
    return None if report["score"] is None else Fraction(report["score"])


def consequence(
    outcome: Outcome, state: State, policy: InspectionPolicy, *, is_reinspection: bool
) -> Move | None:
    """What an outcome does to a project (transitions 14 to 18); None for nothing.

    `unreachable`, `ceased`, `inconclusive` and `void` never revoke by themselves, and nothing
    happens to a project that is not designated any more. Only a re-inspection, one drawn after the
    rectification was ordered, tells whether things were put right.
    """
    failed = outcome is Outcome.FAIL or (
        outcome is Outcome.NOT_COOPERATING and policy.not_cooperating_fails
    )
    is_rechecked = state == State.RECTIFYING and is_reinspection
    if failed and state in ACTIVE and (policy.is_immediate or is_rechecked):
        return Move.REVOKE
    if state == State.DESIGNATED and (failed or outcome is Outcome.RECTIFY):
        return Move.ORDER_RECTIFICATION
    if is_rechecked and outcome is Outcome.PASS:
        return Move.CLOSE_RECTIFICATION
    return None


def _shown(points: Fraction) -> str:
    """To two places, rounded down: what is below a threshold never looks as if it reached it."""
    hundredths = Decimal(math.floor(points * 100)) / 100
    return f"{hundredths:f}"


STOPPING = {
    "non_cooperation": (Outcome.NOT_COOPERATING, "拒不配合检查", "did not cooperate"),
    "closed_or_liquidation": (Outcome.CEASED, "已停业或进入清算", "closed or in liquidation"),
    "unreachable": (Outcome.UNREACHABLE, "无法取得联系", "could not be reached"),
    "inconclusive": (Outcome.INCONCLUSIVE, "检查未能得出结论", "came to no conclusion"),
}  # fmt: skip


def _judge(
    report: Mapping[str, Any], policy: InspectionPolicy
) -> tuple[Outcome, list[str], list[str]]:
    if report["result"] in STOPPING:
        outcome, reason_zh, reason_en = STOPPING[report["result"]]
        return outcome, [reason_zh], [reason_en]
    breaches = sorted(f["key"] for f in report["findings"] if f["result"] == "breach")
    gates = [key for key in breaches if key in policy.hard_gates]
    points = points_of(report)
    zh = [f"触及一票否决项：{key}" for key in gates]
    en = [f"hard gate breached: {key}" for key in gates]
    if points is not None and points < Fraction(policy.warning_score):
        zh.append(f"得分{_shown(points)}，低于{policy.warning_score}分")
        en.append(f"score {_shown(points)} is below {policy.warning_score}")
    if zh:
        return Outcome.FAIL, zh, en
    zh = [f"发现问题：{key}" for key in breaches]
    en = [f"breach found: {key}" for key in breaches]
    if points is not None and points < Fraction(policy.pass_score):
        zh.append(f"得分{_shown(points)}，低于{policy.pass_score}分")
        en.append(f"score {_shown(points)} is below {policy.pass_score}")
    if zh:
        return Outcome.RECTIFY, zh, en
    if points is None and report["method"] == QUESTIONNAIRE:
        return Outcome.INCONCLUSIVE, ["问卷无人回收"], ["no questionnaire was returned"]
    if report["result"] == "breach":
        return Outcome.RECTIFY, ["报告认定存在问题"], ["the report finds a breach"]
    return Outcome.PASS, ["未发现问题"], ["no breach found"]
