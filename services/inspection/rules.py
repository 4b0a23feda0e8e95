"""Inspection's decisions: verdicts by the programme's policy, and the way of a project after award.

Transitions 14 to 22 of the life cycle; grounds of revocation as in the 2020 plan, III (4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from shared.errors import LaurelError
from shared.machine import next_state


class State(StrEnum):
    """States of a designated project."""

    DESIGNATED = "DESIGNATED"
    RECTIFYING = "RECTIFYING"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


class Move(StrEnum):
    """What can happen to a designated project."""

    PASS = "pass inspection"  # noqa: S105 - not a password
    REVOKE = "revoke"
    ORDER_RECTIFICATION = "order rectification"
    CLOSE_RECTIFICATION = "close rectification"
    REPLACE_UNDERTAKER = "replace undertaker"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    REINSTATE = "reinstate"


ACTIVE = (State.DESIGNATED, State.RECTIFYING)
TRANSITIONS: Mapping[tuple[State, Move], State] = {
    (State.DESIGNATED, Move.PASS): State.DESIGNATED,
    (State.DESIGNATED, Move.ORDER_RECTIFICATION): State.RECTIFYING,
    (State.RECTIFYING, Move.CLOSE_RECTIFICATION): State.DESIGNATED,
    (State.REVOKED, Move.REINSTATE): State.DESIGNATED,
    **{(state, Move.REVOKE): State.REVOKED for state in ACTIVE},
    **{(state, Move.EXPIRE): State.EXPIRED for state in ACTIVE},
    **{(state, Move.WITHDRAW): State.WITHDRAWN for state in ACTIVE},
    **{(state, Move.REPLACE_UNDERTAKER): state for state in ACTIVE},
}


class Stage(StrEnum):
    """Stages of one inspection."""

    PLANNED = "PLANNED"
    DRAWN = "DRAWN"
    NOTIFIED = "NOTIFIED"
    IN_PROGRESS = "IN_PROGRESS"
    REPORTED = "REPORTED"
    PUBLISHED = "PUBLISHED"


class Step(StrEnum):
    """What can happen to an inspection."""

    DRAW = "draw"
    NOTIFY = "notify"
    START = "start"
    REPORT = "report"
    PUBLISH = "publish"


STAGES: Mapping[tuple[Stage, Step], Stage] = {
    (Stage.PLANNED, Step.DRAW): Stage.DRAWN,
    (Stage.DRAWN, Step.NOTIFY): Stage.NOTIFIED,
    (Stage.NOTIFIED, Step.START): Stage.IN_PROGRESS,
    (Stage.NOTIFIED, Step.REPORT): Stage.REPORTED,
    (Stage.IN_PROGRESS, Step.REPORT): Stage.REPORTED,
    (Stage.REPORTED, Step.PUBLISH): Stage.PUBLISHED,
}


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


class Ground(StrEnum):
    """Grounds of revocation."""

    INSPECTION_FAILED = "inspection_failed"
    MATERIAL_FALSEHOOD = "material_falsehood"
    CONSUMER_OR_PUBLIC_HARM = "consumer_or_public_harm"
    OTHER_UNLAWFUL_OR_DISHONEST = "other_unlawful_or_dishonest"


class Code(StrEnum):
    """Receipt codes, in the order of the checks."""

    UNDECODABLE = "undecodable"
    UNKNOWN_AGENCY = "unknown-agency"
    WRONG_CHANNEL = "wrong-channel"
    UNKNOWN_KEY = "unknown-key"
    KEY_NOT_VALID = "key-not-valid"
    BAD_SIGNATURE = "bad-signature"
    STALE = "stale"
    FROM_FUTURE = "from-future"
    DUPLICATE_ID = "duplicate-id"
    UNKNOWN_INSPECTION = "unknown-inspection"
    NOT_ASSIGNED = "not-assigned"
    WRONG_SCHEMA = "wrong-schema"
    IMPLAUSIBLE = "implausible"
    ALREADY_REPORTED = "already-reported"
    ACCEPTED = "accepted"
    KEY_REGISTERED = "key-registered"


class DecisionIncompleteError(LaurelError):
    """A decision lacks what the law asks for."""

    slug = "decision-incomplete"
    status = 422


@dataclass(frozen=True)
class Policy:
    """The part of the programme's inspection policy that verdicts depend on; points of 100."""

    is_immediate: bool
    pass_score: Decimal
    warning_score: Decimal
    hard_gates: frozenset[str]
    not_cooperating_fails: bool
    rule_version: str


@dataclass(frozen=True)
class Verdict:
    """An outcome with its reasons in both languages, under one version of the rules."""

    outcome: Outcome
    reasons_zh: tuple[str, ...]
    reasons_en: tuple[str, ...]
    rule_version: str


def moved(state: State, move: Move) -> State:
    """The state after a move; raises IllegalTransitionError for every pair outside the table."""
    return next_state(TRANSITIONS, state, move)


def stepped(stage: Stage, step: Step) -> Stage:
    """The stage after a step; raises IllegalTransitionError for every pair outside the table."""
    return next_state(STAGES, stage, step)


def verdict(report: Mapping[str, Any], policy: Policy) -> Verdict:
    """Judge a report: what stops a judgement first, then hard gates, scores, and single breaches.

    Below the warning score, or with a hard gate breached, it failed; below the pass score, or with
    any other breach, it is to be rectified (bands of a sister programme, set by the definition).
    """
    outcome, zh, en = _judge(report, policy)
    return Verdict(outcome, tuple(zh), tuple(en), policy.rule_version)


def satisfaction(questionnaire: Mapping[str, int] | None) -> Decimal | None:
    """Satisfied answers per 100 returned, to two places; None without any returned."""
    if not questionnaire or not questionnaire["returned"]:
        return None
    share = Decimal(questionnaire["satisfied"] * 100) / questionnaire["returned"]
    return share.quantize(Decimal("0.01"))


def consequence(outcome: Outcome, state: State, policy: Policy) -> Move | None:
    """What an outcome does to a project (transitions 14 to 18); None for nothing.

    `unreachable`, `ceased`, `inconclusive` and `void` never revoke by themselves, and nothing
    happens to a project that is not designated any more.
    """
    failed = outcome is Outcome.FAIL or (
        outcome is Outcome.NOT_COOPERATING and policy.not_cooperating_fails
    )
    if state == State.RECTIFYING:
        if outcome is Outcome.PASS:
            return Move.CLOSE_RECTIFICATION
        return Move.REVOKE if failed else None
    if state == State.DESIGNATED and failed:
        return Move.REVOKE if policy.is_immediate else Move.ORDER_RECTIFICATION
    if state == State.DESIGNATED and outcome is Outcome.RECTIFY:
        return Move.ORDER_RECTIFICATION
    return None


def check_decision(
    ground: str, evidence: Sequence[Any], notice_at: datetime, statement: str | None, now: datetime
) -> None:
    """Grounds 2 to 4 rest on evidence, prior notice, and a statement of defence or its waiver."""
    faults = []
    if ground == Ground.INSPECTION_FAILED:
        faults.append(("ground", "inspection_failed follows from a report, never from a decision"))
    if not evidence:
        faults.append(("evidence", "must have at least one item"))
    if notice_at >= now:
        faults.append(("notice_at", "must lie before the decision"))
    if not (statement or "").strip():
        faults.append(("statement", "give the undertaker's statement, or how it was waived"))
    if faults:
        errors = [{"field": field, "message": message} for field, message in faults]
        raise DecisionIncompleteError(f"{faults[0][0]}: {faults[0][1]}.", errors=errors)


STOPPING = {
    "non_cooperation": (Outcome.NOT_COOPERATING, "拒不配合检查", "did not cooperate"),
    "closed_or_liquidation": (Outcome.CEASED, "已停业或进入清算", "closed or in liquidation"),
    "unreachable": (Outcome.UNREACHABLE, "无法取得联系", "could not be reached"),
    "inconclusive": (Outcome.INCONCLUSIVE, "检查未能得出结论", "came to no conclusion"),
}  # fmt: skip


def _judge(report: Mapping[str, Any], policy: Policy) -> tuple[Outcome, list[str], list[str]]:
    if report["result"] in STOPPING:
        outcome, reason_zh, reason_en = STOPPING[report["result"]]
        return outcome, [reason_zh], [reason_en]
    breaches = sorted(f["key"] for f in report["findings"] if f["result"] == "breach")
    gates = [key for key in breaches if key in policy.hard_gates]
    score = report["score"]
    if score is None:
        score = satisfaction(report["questionnaire"])
    zh = [f"触及一票否决项：{key}" for key in gates]
    en = [f"hard gate breached: {key}" for key in gates]
    if score is not None and score < policy.warning_score:
        zh.append(f"得分{score}，低于{policy.warning_score}分")
        en.append(f"score {score} is below {policy.warning_score}")
    if zh:
        return Outcome.FAIL, zh, en
    zh = [f"发现问题：{key}" for key in breaches]
    en = [f"breach found: {key}" for key in breaches]
    if score is not None and score < policy.pass_score:
        zh.append(f"得分{score}，低于{policy.pass_score}分")
        en.append(f"score {score} is below {policy.pass_score}")
    if zh:
        return Outcome.RECTIFY, zh, en
    if report["result"] == "breach":
        return Outcome.RECTIFY, ["报告认定存在问题"], ["the report finds a breach"]
    return Outcome.PASS, ["未发现问题"], ["no breach found"]
