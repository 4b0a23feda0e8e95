"""Figures of a run: rows of a table, round by round, and the goals judged by them."""

import json
import math
import statistics
from dataclasses import asdict, dataclass, field

AT_LEAST, AT_MOST = "≥", "≤"


@dataclass
class Row:
    """One line of a table: what each round gave, and under which conditions."""

    name: str
    title: str
    rounds: list = field(default_factory=list)
    conditions: dict = field(default_factory=dict)

    @property
    def median(self):
        return statistics.median(self.rounds)


@dataclass
class Table:
    """Rows measured in the same rounds, in one unit."""

    name: str
    title: str
    unit: str
    rows: dict = field(default_factory=dict)

    def add(self, name, title, value, **conditions):
        """Note what a round gave."""
        row = self.rows.setdefault(name, Row(name, title, [], conditions))
        row.rounds.append(value)

    def ratios(self, name, other):
        """Round by round, so that what disturbs a whole round disturbs no ratio."""
        pairs = zip(self.rows[name].rounds, self.rows[other].rounds, strict=True)
        return [one / two for one, two in pairs]


@dataclass
class Goal:
    """What was to be reached; `bound` None only states the figure."""

    measure: str
    rounds: list
    unit: str
    bound: float | None = None
    sense: str = AT_LEAST
    note: str = ""

    def as_dict(self):
        middle = statistics.median(self.rounds)
        met = None
        if self.bound is not None:
            met = middle >= self.bound if self.sense == AT_LEAST else middle <= self.bound
        goal = f"{self.sense} {self.bound:g} {self.unit}" if self.bound is not None else "stated"
        return {
            "measure": self.measure, "goal": goal.strip(), "median": middle, "low": min(self.rounds),
            "high": max(self.rounds), "rounds": self.rounds, "unit": self.unit, "met": met,
            "note": self.note,
        }  # fmt: skip


def percentile(values, share):
    """The value that this share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share / 100) - 1)]


def as_json(tables, goals, **facts):
    """The whole run, for results.json."""
    told = [
        asdict(table) | {"rows": [asdict(row) | {"median": row.median, "low": min(row.rounds),
                                                 "high": max(row.rounds)}
                                  for row in table.rows.values()]}
        for table in tables
    ]  # fmt: skip
    whole = facts | {"goals": [goal.as_dict() for goal in goals], "tables": told}
    return json.dumps(whole, indent=1, ensure_ascii=False) + "\n"
