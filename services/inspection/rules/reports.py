"""What an agency's report must agree with: what was drawn."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from shared.programme.values import InspectionPolicy


def disagreements(
    report: Mapping[str, Any], *, method: str, drawn_on: date, inspectors: Sequence[str]
) -> list[str]:
    """How a report contradicts the inspection that was assigned; empty when it agrees."""
    problems = []
    if report["method"] != method:
        problems.append(f"the method assigned is {method}")
    if report["conducted_on"] < drawn_on:
        problems.append("it was conducted before it was drawn")
    if strangers := sorted(set(report["inspectors"]) - set(inspectors)):
        problems.append(f"these inspectors were not drawn: {', '.join(strangers)}")
    return problems


def unknown_keys(report: Mapping[str, Any], policy: InspectionPolicy) -> list[str]:
    """The keys of findings that the definition does not know.

    One that names neither gates nor keys takes any.
    """
    known = {*policy.hard_gates, *policy.finding_keys}
    return sorted({item["key"] for item in report["findings"]} - known) if known else []
