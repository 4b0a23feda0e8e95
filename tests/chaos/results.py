"""What a run says: results.json for machines, RESULTS.md for people."""

import json

from tests.chaos import oracle
from tests.chaos.catalogue import GOAL_SECONDS


def told(reference, outcome, caught):
    """The facts of a run, without its seed and duration."""
    found = {finding.check: finding.count for finding in outcome.findings}
    ledgers = outcome.ledgers
    return {
        "events": ledgers.events,
        "handled": len(ledgers.inbox),
        "events_calm": reference.ledgers.events,
        "poison": outcome.poison,
        "parked_retried": sum(row.state == "handled" for row in ledgers.parked),
        "parked_held": ledgers.held().total(),
        "lost": found.get(oracle.LOST, 0),
        "duplicates": found.get(oracle.TWICE, 0),
        "findings": [str(f) for f in (*reference.findings, *outcome.findings)],
        "faults": [one.as_dict() for one in outcome.fired],
        "guards": [one.as_dict() for one in caught],
    }


def is_good(facts):
    """Whether nothing was lost or doubled, everything fired and was caught, and in time."""
    in_time = all(one["recovery"] <= GOAL_SECONDS for one in facts["faults"])
    fired = not any(one["is_void"] for one in facts["faults"])
    caught = all(one["caught_by"] for one in facts["guards"])
    return not facts["findings"] and in_time and fired and caught


def summary(facts):
    """One paragraph."""
    guards = facts["guards"]
    caught = sum(bool(one["caught_by"]) for one in guards)
    fired = sum(not one["is_void"] for one in facts["faults"])
    slowest = max((one["recovery"] for one in facts["faults"]), default=0)
    handled = f"{facts['events']} events, {facts['handled']} handlings"
    lines = [
        f"{handled}; lost {facts['lost']}, duplicates {facts['duplicates']}",
        f"{fired} of {len(facts['faults'])} faults fired, slowest recovery {slowest} s",
        f"{caught} of {len(guards)} removed guards caught",
        *facts["findings"],
    ]
    return "\n".join([*lines, "good" if is_good(facts) else "NOT GOOD"])


def write(facts, place):
    """Both files."""
    text = json.dumps(facts, indent=2, ensure_ascii=False)
    (place / "results.json").write_text(f"{text}\n")
    (place / "RESULTS.md").write_text(_page(facts))


PAGE = """# What `make chaos` found

Seed {seed}, {seconds} s on a private stage: three broker nodes, PostgreSQL, two replicas of every
service.

**{events} events, lost {lost}, duplicates {duplicates}**; {handled} handlings, {parked_retried} parked
and handled on retry, {parked_held} held for an operator, as in the calm run.

{checks}

## Faults

Recovery: from the fault's end until an event accepted after it was handled by three services.

{fault_table}

## Guards

Each guard of the spine is taken away and a fault is aimed at it: a check must break that holds under
the same fault with the guard in place.

{guard_table}
"""


def _page(facts):
    faults = [
        (one["name"], one["kind"], f"{one['held']:.1f}", f"{one['recovery']:.1f}", one["proof"])
        for one in facts["faults"]
    ]
    guards = [(one["name"], one["fault"], ", ".join(one["caught_by"])) for one in facts["guards"]]
    return PAGE.format(
        **facts,
        checks="\n".join(f"- {line}" for line in facts["findings"] or ["Every check holds."]),
        fault_table=_table(("fault", "kind", "held, s", "recovery, s", "proof"), faults),
        guard_table=_table(("guard taken away", "fault", "caught by"), guards),
    )


def _table(head, rows):
    """A Markdown table of a head and its rows."""
    lines = [head, ["---"] * len(head), *rows]
    cells = ([str(cell).replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)
