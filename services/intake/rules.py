"""Intake's decisions: the way of an application from draft to recommendation, and who is barred.

Transitions 1 to 6 of the life cycle (2020 plan, III (1): strict check of the material's truth),
and the later states that other services decide and intake follows.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Any

from shared.canonical import canonical, digest
from shared.errors import EvidenceMissingError, InvalidError, LaurelError
from shared.machine import next_state
from shared.programme.values import UNIT_CODE
from shared.project import Reason, State

IN_TIME = Reason(
    "在规定期限内提交，所需材料齐全", "submitted in time, with all evidence that is asked for"
)
FOUND_TRUE = Reason(
    "推荐单位已逐项核实，予以推荐", "the recommending unit verified every item and recommends it"
)


def returned(items: int) -> Reason:
    """The unit questions some items of evidence."""
    return Reason(f"{items}项材料需要说明或补正", f"items of evidence that are questioned: {items}")


class Move(StrEnum):
    """What can happen to an application in intake."""

    EDIT = "edit"
    SUBMIT = "submit"
    START_REVIEW = "start review"
    RETURN = "return"
    FIND_INELIGIBLE = "find ineligible"
    RECOMMEND = "recommend"
    NOT_RECOMMEND = "not recommend"


TRANSITIONS: Mapping[tuple[State, Move], State] = {
    (State.DRAFT, Move.EDIT): State.DRAFT,
    (State.RETURNED, Move.EDIT): State.DRAFT,
    (State.DRAFT, Move.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Move.START_REVIEW): State.TRUTH_REVIEW,
    (State.TRUTH_REVIEW, Move.RETURN): State.RETURNED,
    (State.TRUTH_REVIEW, Move.FIND_INELIGIBLE): State.INELIGIBLE,
    (State.TRUTH_REVIEW, Move.RECOMMEND): State.RECOMMENDED,
    (State.TRUTH_REVIEW, Move.NOT_RECOMMEND): State.NOT_RECOMMENDED,
}


EXACT = ("pass_score", "warning_score", "least_return_rate")  # 65 and 65.0 are one rule
JUDGING = (
    "policy",
    "pass_score",
    "warning_score",
    "hard_gates",
    "finding_keys",
    "rectification_days",
    "not_cooperating_fails",
    "min_inspectors",
    "hearing_working_days",
    "least_returned",
    "least_return_rate",
    "citation_zh",
    "citation_en",
)


class Verdict(StrEnum):
    """The reviewer's finding on one item of evidence."""

    VERIFIED = "verified"
    QUESTIONED = "questioned"
    FALSE = "false"


class OutsideWindowError(LaurelError):
    """Submission is closed, or not open yet."""

    slug = "outside-submission-window"


class EvidenceNotVerifiedError(LaurelError):
    """The items do not carry the decision that is asked for."""

    slug = "evidence-not-verified"


class UnknownDirectionError(LaurelError):
    """The round has no such direction."""

    slug = "unknown-direction"
    status = 422


class QuotaExceededError(LaurelError):
    """The unit has used all its places."""

    slug = "quota-exceeded"


def moved(state: State, move: Move) -> State:
    """The state after a move; raises IllegalTransitionError for every pair outside the table."""
    return next_state(TRANSITIONS, state, move)


def check_submission(
    *,
    opens_at: datetime,
    closes_at: datetime,
    now: datetime,
    required: Iterable[str],
    present: Iterable[str],
    answer_by: datetime | None = None,
) -> None:
    """Transition 1's guards: inside the window, every required kind of evidence there.

    Who was asked for corrections may answer until a date of its own, also after the window.
    """
    until = max(closes_at, answer_by or closes_at)
    if not opens_at <= now < until:
        raise OutsideWindowError(
            f"Applications are taken from {opens_at.isoformat()} until {until.isoformat()}; "
            f"it is {now.isoformat(timespec='seconds')}."
        )
    if missing := sorted(set(required) - set(present)):
        raise EvidenceMissingError(
            f"Add evidence of these kinds first: {', '.join(missing)}.", missing=missing
        )


def check_direction(direction: int, directions: Iterable[int]) -> None:
    """The direction must be one of the round's catalogue."""
    known = sorted(directions)
    if direction not in known:
        raise UnknownDirectionError(
            f"Direction {direction} is not in this round; choose one of {known}.",
            errors=[{"field": "direction", "message": f"must be one of {known}"}],
        )


def check_verdict(item: str, known: Verdict | None, verdict: Verdict) -> None:
    """What was found false stays false: the application is ineligible (transition 4)."""
    if known is Verdict.FALSE and verdict is not Verdict.FALSE:
        raise EvidenceNotVerifiedError(
            f"Item {item} was found false: find the application ineligible.", items=[item]
        )


def check_recommendable(verdicts: Mapping[str, Verdict | None]) -> None:
    """Transition 5's guard: every item is verified."""
    open_items = sorted(item for item, v in verdicts.items() if v is not Verdict.VERIFIED)
    if open_items:
        raise EvidenceNotVerifiedError(
            f"Verify every item before you recommend; not yet: {', '.join(open_items)}.",
            items=open_items,
        )


def questioned_items(verdicts: Mapping[str, Verdict | None]) -> list[str]:
    """Transition 3's guard: there is something to put right; gives the questioned items.

    What is false cannot be put right: the application is ineligible (transition 4).
    """
    if false := sorted(item for item, v in verdicts.items() if v is Verdict.FALSE):
        raise EvidenceNotVerifiedError(
            f"Found false: {', '.join(false)}. Find the application ineligible.", items=false
        )
    questioned = sorted(item for item, v in verdicts.items() if v is Verdict.QUESTIONED)
    if not questioned:
        raise EvidenceNotVerifiedError("Question at least one item, with its reason, to return it.")
    return questioned


def content_hash(content: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of what was submitted; fixed at submission."""
    return digest(canonical(content))


def named_once(known: Mapping[str, str], policy: Mapping[str, Any]) -> dict[str, str]:
    """The versions of a round's rules with their digests, that of this policy among them.

    Raises InvalidError for rules that differ from what an earlier edition gave the same name to:
    a verdict cites its rule version, which must not mean two things.
    """
    version = policy["rule_version"]
    judging = {name: policy.get(name) for name in JUDGING}
    judging |= {name: str(Fraction(str(judging[name]))) for name in EXACT if judging[name]}
    judged_by = digest(canonical(judging))
    if known.get(version, judged_by) != judged_by:
        message = f"names the rules of an earlier edition, which were others than {version!r} here"
        raise InvalidError.at("inspection.rule_version", message)
    return {**known, version: judged_by}


def check_units(quotas: Iterable[str], known: Container[str]) -> None:
    """Every line of the quotas is a kind's or a registered unit's; raises InvalidError.

    One for a code that nobody has would leave the unit that was meant with its kind's places.
    """
    errors = [
        {"field": f"unit_quotas.{code}", "message": "is no unit of the register: enter it first"}
        for code in quotas
        if code not in known
    ]
    if errors:
        raise InvalidError(f"{errors[0]['field']} {errors[0]['message']}.", errors=errors)


def check_unit_code(code: str) -> None:
    """Raise InvalidError for what a definition could not name as a unit."""
    if not UNIT_CODE.fullmatch(code):
        raise InvalidError.at("code", "must be up to 16 capitals and digits, a capital first")
