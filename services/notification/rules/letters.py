"""What letters say, in both languages; facts only, in the words of the deciding service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

GROUNDS_ZH = {
    "inspection_failed": "监督检查不合格",
    "material_falsehood": "申报材料有重大虚假信息",
    "consumer_or_public_harm": "严重损害消费者合法权益和社会公共利益",
    "other_unlawful_or_dishonest": "其他违法失信等行为",
}
GROUNDS_EN = {
    "inspection_failed": "failed inspection",
    "material_falsehood": "material falsehood in the application",
    "consumer_or_public_harm": "serious harm to consumers or the public interest",
    "other_unlawful_or_dishonest": "other unlawful or dishonest conduct",
}
_SUBJECTS = {
    "application.returned": ("申报材料退回补正", "Application returned for correction"),
    "application.rejected": ("申报未获推荐", "Application not accepted"),
    "application.not_selected": ("未入选通知", "Not selected"),
    "application.resumed": ("申报继续评选通知", "The application goes on"),
    "project.designated": ("示范项目认定通知", "Designated as a demonstration project"),
    "project.revoked": ("撤销示范项目资格通报", "Designation revoked"),
    "project.reinstated": ("恢复示范项目资格通报", "Designation reinstated"),
    "project.expired": ("示范项目有效期届满", "Designation expired"),
    "project.changed": ("示范项目信息变更", "Project changed"),
    "rectification.ordered": ("限期整改通知", "Rectification ordered"),
    "rectification.closed": ("整改复查合格", "Rectification accepted"),
}


@dataclass(frozen=True)
class Facts:
    """What a letter is about."""

    type: str
    project: str
    title: str
    undertaker: str
    occurred_on: date
    rectify_by: date | None = None
    valid_to: date | None = None
    decision: Mapping[str, Any] = field(default_factory=dict)
    reasons: Sequence[str] = ()
    circular: tuple[str, str] | None = None


def subject_of(facts: Facts) -> str:
    """One line in both languages."""
    zh, en = _SUBJECTS[facts.type]
    return f"{zh} {en}（{facts.project}）"


def text_of(facts: Facts) -> str:
    """The letter's text: Chinese, then English."""
    return "\n\n".join(["\n".join(_chinese(facts)), "\n".join(_english(facts))])


def _chinese(facts: Facts) -> list[str]:
    lines = [f"{facts.undertaker}：", "", f"{_SUBJECTS[facts.type][0]}。"]
    lines.append(f"日期：{facts.occurred_on}")
    lines.append(f"示范项目：{facts.title}（{facts.project}）")
    if facts.circular:
        lines.append(f"文号：{facts.circular[0]}")
    if ground := facts.decision.get("ground"):
        lines.append(f"依据情形：{GROUNDS_ZH[ground]}")
    lines += _labelled("依据：", facts.decision.get("citation"))
    lines += _labelled("整改期限：", facts.rectify_by)
    lines += _labelled("有效期至：", facts.valid_to)
    return lines + _reasons(facts, "reasons_zh")


def _english(facts: Facts) -> list[str]:
    lines = [f"{_SUBJECTS[facts.type][1]}.", f"Project: {facts.title} ({facts.project})"]
    lines.append(f"Undertaker: {facts.undertaker}")
    lines.append(f"Date: {facts.occurred_on}")
    if facts.circular:
        lines.append(f"Reference: {facts.circular[1]}")
    if ground := facts.decision.get("ground"):
        lines.append(f"Ground: {GROUNDS_EN[ground]}")
    lines += _labelled("Rule: ", facts.decision.get("citation"))
    lines += _labelled("To be put right by: ", facts.rectify_by)
    lines += _labelled("Valid to: ", facts.valid_to)
    return lines + _reasons(facts, "reasons_en")


def _reasons(facts: Facts, language: str) -> list[str]:
    """The decision's, then what the event alone tells to those whom it concerns."""
    decided = facts.decision.get(language, [])
    known = {*decided, *facts.decision.get("reasons_en", [])}
    details = [reason for reason in facts.reasons if reason not in known]
    return [f"- {reason}" for reason in [*decided, *details]]


def _labelled(label: str, value: object) -> list[str]:
    return [f"{label}{value}"] if value else []
