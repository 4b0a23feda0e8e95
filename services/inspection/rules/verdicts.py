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


def too_few(report: Mapping[str, Any], policy: InspectionPolicy) -> tuple[str, str] | None:
    """Why a questionnaire came back too seldom to tell anything, in both languages.

    The least number and the least rate of answers are the definition's.
    """
    if report["method"] != QUESTIONNAIRE:
        return None
    issued, returned = (report["questionnaire"][name] for name in ("issued", "returned"))
    least, rate = policy.least_returned, Fraction(policy.least_return_rate)
    if returned < least:
        return (
            f"问卷回收{returned}份，少于{least}份",
            f"{returned} questionnaires came back, fewer than {least}",
        )
    if Fraction(returned * 100, issued) < rate:
        return (
            f"问卷回收率低于{policy.least_return_rate}%（发放{issued}份，回收{returned}份）",
            f"{returned} of {issued} questionnaires came back, under {policy.least_return_rate} %",
        )
    return None


def points_of(report: Mapping[str, Any]) -> Fraction | None:
    """The figure that counts by the report's method, of 100, exactly; None without one."""
    if report["method"] == QUESTIONNAIRE:
        return satisfaction(report["questionnaire"])
    return None if report["score"] is None else Fraction(report["score"])


def after_inspection(
    outcome: Outcome, state: State, policy: InspectionPolicy, *, is_news: bool
) -> Move | None:
    """What a first inspection does to a project (transitions 14 to 16); None for nothing.

    `is_news` unless a rectification was ordered after its draw: what it found is then put right or
    re-inspected already, and a second order would let the deadline slide.
    """
    if is_failure(outcome, policy) and policy.is_immediate:
        return Move.REVOKE if state in ACTIVE else None
    if state == State.DESIGNATED and is_news:
        is_short = is_failure(outcome, policy) or outcome is Outcome.RECTIFY
        return Move.ORDER_RECTIFICATION if is_short else None
    return None


def after_reinspection(
    outcome: Outcome, state: State, policy: InspectionPolicy, *, is_running: bool
) -> Move | None:
    """What the re-inspection of an order does (transitions 17 and 18); None for nothing.

    A failure revokes also where another re-inspection has passed before, so that the order in
    which two reports arrive decides nothing. `is_running` while its order is the project's last.
    """
    if is_failure(outcome, policy):
        return Move.REVOKE if state in ACTIVE else None
    is_waiting = state == State.RECTIFYING and is_running
    return Move.CLOSE_RECTIFICATION if is_waiting and outcome is Outcome.PASS else None


def is_failure(outcome: Outcome, policy: InspectionPolicy) -> bool:
    """Whether it failed; not to cooperate is what the definition says of it.

    `unreachable`, `ceased`, `inconclusive` and `void` never revoke by themselves.
    """
    refused = outcome is Outcome.NOT_COOPERATING and policy.not_cooperating_fails
    return outcome is Outcome.FAIL or refused


def is_open(outcome: Outcome, state: State, move: Move | None) -> bool:
    """Whether an official must look at it: it moved nothing, and all is not well either."""
    is_moot = state not in ACTIVE and outcome not in UNSETTLED
    return move is None and not is_moot and outcome not in (Outcome.PASS, Outcome.VOID)


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
    breaches = sorted(f["key"] for f in report["findings"] if f["result"] == "breach")
    gates = [key for key in breaches if key in policy.hard_gates]
    zh = [f"触及一票否决项：{policy.named(key)[0]}" for key in gates]
    en = [f"hard gate breached: {policy.named(key)[1]}" for key in gates]
    if report["result"] in STOPPING:
        outcome, reason_zh, reason_en = STOPPING[report["result"]]
        return outcome, [reason_zh, *zh], [reason_en, *en]
    thin = too_few(report, policy)
    points = None if thin else points_of(report)
    if points is not None and points < Fraction(policy.warning_score):
        zh.append(f"得分{_shown(points)}，低于{policy.warning_score}分")
        en.append(f"score {_shown(points)} is below {policy.warning_score}")
    if zh:
        return Outcome.FAIL, zh, en
    zh = [f"发现问题：{policy.named(key)[0]}" for key in breaches]
    en = [f"breach found: {policy.named(key)[1]}" for key in breaches]
    if points is not None and points < Fraction(policy.pass_score):
        zh.append(f"得分{_shown(points)}，低于{policy.pass_score}分")
        en.append(f"score {_shown(points)} is below {policy.pass_score}")
    if zh:
        return Outcome.RECTIFY, zh, en
    if thin:
        return Outcome.INCONCLUSIVE, [thin[0]], [thin[1]]
    if report["result"] == "breach":
        return Outcome.RECTIFY, ["报告认定存在问题"], ["the report finds a breach"]
    return Outcome.PASS, ["未发现问题"], ["no breach found"]
