"""The first half of a round: applications, truth reviews, scores, ranking, publicity, the list."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from shared.catalogue import INTAKE, SCORING
from shared.cli.demo.cast import Applicant, Cast, Fate
from shared.cli.demo.doors import Doors, RefusedError, patiently
from shared.cli.demo.screen import Screen, side_by_side
from shared.clock import RehearsalClock
from shared.programme.values import Programme

PUBLICITY = timedelta(days=14)
CLEARER = {
    "kind": "business_licence", "filename": "business_licence.pdf", "sha256": "5e" * 32,
    "size": 140_000,
}  # fmt: skip


@dataclass
class Selection:
    """What came of it; `refused` are the refusals met on the way, by slug."""

    programme: Programme
    applicants: list[Applicant]
    contacts: dict[str, Applicant] = field(default_factory=dict)
    recommended: list[str] = field(default_factory=list)
    designated: list[str] = field(default_factory=list)
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))


class Selecting:
    """Plays undertakers, units, experts and officials."""

    def __init__(self, doors: Doors, cast: Cast, screen: Screen, clock: RehearsalClock) -> None:
        self._doors, self._cast, self._screen, self._clock = doors, cast, screen, clock

    def run(self, selection: Selection) -> None:
        """From the first application to the published list."""
        self._apply(selection)
        self._register_experts(selection)
        self._score(selection)
        self._publicise(selection)
        self._designate(selection)

    def _apply(self, selection: Selection) -> None:
        by_unit = defaultdict(list)
        for applicant in selection.applicants:
            by_unit[applicant.unit].append(applicant)
        with self._screen.bar("applications reviewed", len(selection.applicants)) as advance:

            def review(applicants: list[Applicant]) -> None:
                for applicant in applicants:
                    self._review(selection, applicant)
                    advance()

            side_by_side(review, by_unit.values())

    def _review(self, selection: Selection, applicant: Applicant) -> None:
        made = self._doors.post(
            INTAKE,
            "/v1/applications",
            applicant.application(selection.programme.id),
            "undertaker",
            undertaker=applicant.uscc,
        )
        project = made["project"]
        selection.contacts[project] = applicant
        if applicant.fate is Fate.RETURNED_ONCE:
            self._submit(project, applicant)
            item = {"item": 1, "verdict": "questioned", "reason": "营业执照不清晰 / illegible"}
            self._unit(project, applicant, "review/items", {"items": [item]})
            self._unit(project, applicant, "return", {})
            self._undertaker(project, applicant, "evidence", CLEARER)
        self._submit(project, applicant)
        if applicant.fate is Fate.INELIGIBLE:
            self._unit(project, applicant, "ineligible", {"reason": "主体已注销 / dissolved"})
        elif applicant.fate is Fate.NOT_RECOMMENDED:
            self._unit(project, applicant, "not-recommend", {"reason": "不够成熟 / not mature"})
        else:
            self._recommend(selection, project, applicant)

    def _submit(self, project: str, applicant: Applicant) -> None:
        self._undertaker(project, applicant, "submit", {})
        self._unit(project, applicant, "review/start", {})

    def _recommend(self, selection: Selection, project: str, applicant: Applicant) -> None:
        items = [{"item": number, "verdict": "verified"} for number in (1, 2)]
        self._unit(project, applicant, "review/items", {"items": items})
        opinion = {"opinion": "情况属实，同意推荐。 True; recommended.", "signatory": "虚构签字人"}
        try:
            self._unit(project, applicant, "recommend", opinion)
        except RefusedError as refusal:
            if refusal.slug != "quota-exceeded":
                raise
            selection.refused[refusal.slug] += 1
            reason = {"reason": "推荐名额已用完 / the unit's quota is used up"}
            self._unit(project, applicant, "not-recommend", reason)
        else:
            selection.recommended.append(project)

    def _undertaker(self, project: str, applicant: Applicant, act: str, body: Any) -> None:
        path = f"/v1/applications/{project}/{act}"
        self._doors.post(INTAKE, path, body, "undertaker", undertaker=applicant.uscc)

    def _unit(self, project: str, applicant: Applicant, act: str, body: Any) -> None:
        path = f"/v1/applications/{project}/{act}"
        self._doors.post(INTAKE, path, body, "unit", unit=applicant.unit)

    def _register_experts(self, selection: Selection) -> None:
        experts = list(self._cast.experts(selection.applicants))
        with self._screen.bar("experts registered", len(experts)) as advance:
            for expert in experts:
                self._doors.post(SCORING, "/v1/experts", expert)
                advance()

    def _score(self, selection: Selection) -> None:
        self._await_entries(selection, "SCORING", len(selection.recommended))
        self._doors.post(SCORING, "/v1/assignments", {"programme": selection.programme.id})
        tasks = self._assignments(set(selection.recommended))
        criteria = [criterion.key for criterion in selection.programme.rubric]
        with self._screen.bar("scores given", sum(map(len, tasks.values()))) as advance:

            def score(expert: str) -> None:
                for project in tasks[expert]:
                    points = self._cast.points(project, expert, criteria)
                    path = f"/v1/entries/{project}/scores"
                    body = {"scores": points}
                    self._doors.post(SCORING, path, body, "expert", expert=expert)
                    advance()

            side_by_side(score, sorted(tasks))

    def _assignments(self, projects: set[str]) -> dict[str, list[str]]:
        codes = [expert["code"] for expert in self._doors.every(SCORING, "/v1/experts")]
        return {
            code: [
                item["project"]
                for item in self._doors.every(SCORING, "/v1/assignments", expert=code)
                if item["project"] in projects
            ]
            for code in codes
        }

    def _publicise(self, selection: Selection) -> None:
        programme = {"programme": selection.programme.id}
        with self._screen.bar("ranked and made public", 2) as advance:
            ranked = self._doors.post(SCORING, "/v1/rankings", programme)["items"]
            advance()
            self._doors.post(SCORING, "/v1/publicity", programme)
            advance()
        shortlisted = [entry["project"] for entry in ranked if entry["state"] == "SHORTLISTED"]
        self._object(selection, shortlisted[-1])

    def _object(self, selection: Selection, project: str) -> None:
        """An anonymous objection is refused; a real one freezes its entry until it is decided."""
        objection = {
            "project": project, "real_name": "虚构异议人", "contact": "objector@citizen.example",
            "statement": "申报数据存疑 / the figures are doubtful",
            "evidence": [{"description": "对比材料 / comparison", "sha256": "ab" * 32}],
        }  # fmt: skip
        try:
            self._doors.post(SCORING, "/v1/objections", objection | {"real_name": " "})
        except RefusedError as refusal:
            selection.refused[refusal.slug] += 1
        taken = self._doors.post(SCORING, "/v1/objections", objection)
        decision = {"upheld": False, "reason": "经核实，数据属实 / checked: the figures are true"}
        self._doors.post(SCORING, f"/v1/objections/{taken['id']}/decide", decision)

    def _designate(self, selection: Selection) -> None:
        publicised = self._entries(selection, "PUBLICISED")
        self._clock.set(self._clock.now() + PUBLICITY)
        self._await_entries(selection, "DESIGNATED", len(publicised))
        selection.designated = sorted(self._entries(selection, "DESIGNATED"))

    def _entries(self, selection: Selection, state: str) -> Sequence[str]:
        found = self._doors.every(
            SCORING, "/v1/entries", programme=selection.programme.id, state=state
        )
        return [entry["project"] for entry in found]

    def _await_entries(self, selection: Selection, state: str, count: int) -> None:
        patiently(lambda: len(self._entries(selection, state)) >= count, f"{count} entries {state}")
