"""Any definition that the linter passes carries a round from the first draft to the last verdict.

`ROUNDS=200 pytest tests/system/test_definitions.py` plays more of them.
"""

import io
import os
import tempfile
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from shared.lines import says_something
from shared.programme.lint import lint
from tests.system.conftest import EVIDENCE, PROGRAMME, UNIT, Round, credit_code

ROUNDS = int(os.environ.get("ROUNDS", "2"))
SHIPPED = YAML(typ="safe").load(PROGRAMME)
APPLICATIONS, AGENCY = 3, "agency-a"
CHARACTERS = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"])


def words(most):
    """Texts of any kind that say something, the longest among them."""
    texts = st.text(CHARACTERS, min_size=1, max_size=most).filter(says_something)
    return texts | st.just("字" * most)


WORDS = words(200)
KEYS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,59}", fullmatch=True)


def points(most):
    """Decimals as YAML has them: from 0 to `most`, with at most two places."""
    return st.decimals(0, most, places=2)


@st.composite
def rubrics(draw):
    keys = draw(st.lists(KEYS, min_size=1, max_size=6, unique=True))
    cuts = draw(st.sets(st.integers(1, 999_999), min_size=len(keys) - 1, max_size=len(keys) - 1))
    edges = [0, *sorted(cuts), 1_000_000]
    weights = [Decimal(high - low) / 1_000_000 for low, high in pairwise(edges)]
    return [
        {"key": key, "name_zh": draw(WORDS), "name_en": draw(WORDS), "weight": weight,
         "max": draw(st.decimals("0.01", 1000, places=2))}
        for key, weight in zip(keys, weights, strict=True)
    ]  # fmt: skip


@st.composite
def inspections(draw):
    warning, passing = sorted(draw(st.tuples(points(100), points(100))))
    keys = draw(st.lists(KEYS, max_size=8, unique=True))
    gates = draw(st.integers(0, len(keys)))
    return SHIPPED["inspection"] | {
        "policy": draw(st.sampled_from(["immediate", "rectify"])),
        "pass_score": passing,
        "warning_score": warning,
        "hard_gates": keys[:gates],
        "finding_keys": keys[gates:],
        "key_names": {
            key: {"name_zh": draw(WORDS), "name_en": draw(WORDS)}
            for key in keys
            if draw(st.booleans())
        },
        "rectification_days": draw(st.integers(1, 1000)),
        "not_cooperating_fails": draw(st.booleans()),
        "least_returned": draw(st.integers(1, 100_000)),
        "least_return_rate": draw(points(100)),
        "min_inspectors": draw(st.integers(2, 4)),
        "draw_within_days": draw(st.integers(1, 1000)),
        "hearing_working_days": draw(st.integers(0, 1000)),
        "draw_notice_working_days": draw(st.integers(1, 20)),
        "agency_cap_per_year": draw(st.integers(APPLICATIONS, 100_000)),
        "rule_version": draw(words(40)),
        "citation_zh": draw(WORDS),
        "citation_en": draw(WORDS),
    }


@st.composite
def definitions(draw):
    """Definitions of every shape, with places enough for all who apply here."""
    classes = draw(st.lists(KEYS, min_size=1, max_size=4, unique=True))
    numbers = draw(st.lists(st.integers(1, 100_000), min_size=1, max_size=5, unique=True))
    directions = [
        {"number": number, "class": draw(st.sampled_from(classes)), "name_zh": draw(WORDS),
         "name_en": draw(WORDS), "quota": draw(st.none() | st.integers(1, 9))}
        for number in numbers
    ]  # fmt: skip
    days = st.dates(date(2020, 10, 12), date(2021, 12, 31))
    return {
        "id": draw(st.from_regex(r"[A-Za-z0-9]{1,20}", fullmatch=True)),
        "name_zh": draw(WORDS),
        "name_en": draw(WORDS),
        "submission": {
            "opens_at": draw(st.sampled_from(["1990-01-01", "2020-10-12"])) + "T00:00:00+08:00",
            "closes_at": draw(st.sampled_from(["2020-10-13", "2199-12-31"])) + "T00:00:00-05:00",
        },
        "classes": {key: {"name_zh": draw(WORDS), "name_en": draw(WORDS)} for key in classes},
        "directions": directions,
        "required_evidence": draw(st.lists(words(80), max_size=4, unique_by=str.strip)),
        "unit_quotas": dict.fromkeys(SHIPPED["unit_quotas"], draw(st.integers(3, 100_000))),
        "total_quota": draw(st.integers(1, 100_000)),
        "correction_days": draw(st.integers(1, 1000)),
        "experts_per_application": draw(st.integers(1, 4)),
        "rubric": draw(rubrics()),
        "publicity_working_days": draw(st.integers(1, 200)),
        "validity_years": draw(st.integers(1, 100)),
        "workday_overrides": draw(st.dictionaries(days, st.booleans(), max_size=4)),
        "inspection": draw(inspections()),
    }


def written(definition):
    """The definition as a YAML file; decimals stand there as they are."""
    yaml, out = YAML(), io.StringIO()
    yaml.width, yaml.allow_unicode = 10_000, True
    yaml.representer.add_representer(
        Decimal, lambda own, value: own.represent_scalar("tag:yaml.org,2002:float", _plain(value))
    )
    yaml.dump(definition, out)
    return out.getvalue()


def _plain(value):
    text = f"{value:f}"
    return text if "." in text else f"{text}.0"


class Miniature(Round):
    """A round by one definition; what it asks for is what everybody gives."""

    def __init__(self, directory, definition, data):
        super().__init__(directory)
        self.definition, self.programme, self._data = definition, definition["id"], data

    def draw_one(self, strategy):
        return self._data.draw(strategy)

    def apply(self, number):
        code = credit_code(number)
        who, unit = self.token("undertaker", undertaker=code), self.token("unit", unit=UNIT)
        kinds = self.definition["required_evidence"]
        body = {
            "programme": self.programme, "unit": UNIT, "uscc": code, "undertaker_name": "虚构公司",
            "title": f"虚构项目{number}", "contact_email": "c@example.org",
            "direction": self.draw_one(st.sampled_from(self.definition["directions"]))["number"],
            "evidence": [EVIDENCE[0] | {"kind": kind, "filename": f"{n}.pdf"}
                         for n, kind in enumerate(kinds)],
        }  # fmt: skip
        project = self.call("intake", "POST", "/v1/applications", body, who)["project"]
        base = f"/v1/applications/{project}"
        self.call("intake", "POST", f"{base}/submit", {}, who)
        self.call("intake", "POST", f"{base}/review/start", {}, unit)
        if kinds:
            items = [{"item": n, "verdict": "verified"} for n in range(1, len(kinds) + 1)]
            self.call("intake", "POST", f"{base}/review/items", {"items": items}, unit)
        opinion = {"opinion": "good", "signatory": "Wang"}
        self.call("intake", "POST", f"{base}/recommend", opinion, unit)
        return project

    def select(self):
        """From the drafts to the designations; gives the states by project."""
        self.official("intake", "/v1/programmes", {"yaml": written(self.definition)})
        self.settle()
        projects = [self.apply(number) for number in range(APPLICATIONS)]
        experts = [f"E{number}" for number in range(self.definition["experts_per_application"])]
        for code in experts:
            self.official("scoring", "/v1/experts", {"code": code, "name": "Zhang"})
        self.settle()
        self.official("scoring", "/v1/assignments", {"programme": self.programme})
        for project in projects:
            for code in experts:
                scores = {
                    criterion["key"]: str(self.draw_one(points(criterion["max"])))
                    for criterion in self.definition["rubric"]
                }
                path, who = f"/v1/entries/{project}/scores", self.token("expert", expert=code)
                self.call("scoring", "POST", path, {"scores": scores}, who)
        for step in ("rankings", "publicity"):
            self.official("scoring", f"/v1/{step}", {"programme": self.programme})
        self.settle()
        self.clock.set(self.clock.now() + timedelta(days=400))
        self.settle()

    def inspect(self):
        """One drawn inspection reported as an agency may, then all that time does."""
        self.register_agencies()
        for number in range(2, self.definition["inspection"]["min_inspectors"]):
            body = {"code": f"{AGENCY}-{number}", "name": "Zhao", "agency": AGENCY}
            self.official("inspection", "/v1/inspectors", body)
            body = {"code": f"agency-b-{number}", "name": "Zhao", "agency": "agency-b"}
            self.official("inspection", "/v1/inspectors", body)
        own = self.definition["inspection"]
        for inspection in self.draw("full_assessment", self.programme, days=60).values():
            keys = [*own["hard_gates"], *own["finding_keys"]]
            findings = [
                {
                    "key": key,
                    "result": self.draw_one(st.sampled_from(["ok", "breach", "not_applicable"])),
                }
                for key in keys
            ]
            has_breach = any(finding["result"] == "breach" for finding in findings)
            told = {
                "score": str(self.draw_one(points(100))),
                "findings": findings,
                "result": "breach" if has_breach else "no_breach",
            }
            self.send(self.report(inspection, **told))
        self.settle()
        self.clock.set(self.clock.now() + timedelta(days=366 * 101))
        self.settle()


@settings(
    max_examples=ROUNDS,
    deadline=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(definition=definitions(), data=st.data())
def test_a_definition_that_passes_carries_a_whole_round(definition, data):
    found = lint(written(definition))
    assert found == [], "\n".join(map(str, found))
    with (
        tempfile.TemporaryDirectory() as directory,
        Miniature(Path(directory), definition, data) as round_,
    ):
        round_.select()
        register = round_.call("notification", "GET", "/v1/register")["items"]
        designated = [line for line in register if line["state"] == "DESIGNATED"]
        assert designated
        round_.inspect()
        accepted = [receipt["status"] for receipt in round_.receipts("agency-a")]
        accepted += [receipt["status"] for receipt in round_.receipts("agency-b")]
        assert accepted == ["accepted"] * len(designated)
        register = round_.call("notification", "GET", "/v1/register")["items"]
        states = {
            line["state"]
            for line in register
            if line["project"] in {one["project"] for one in designated}
        }
        assert states <= {"EXPIRED", "REVOKED"}
        assert round_.parked() == []
