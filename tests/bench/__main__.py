"""`python -m tests.bench [--quick] [--seed N] [--only TABLE,...]`: what `make bench` runs."""

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import hop, pictures, spine, whole
from tests.bench.field import LAUREL
from tests.bench.figures import as_json
from tests.bench.ground import ROOT, Ground
from tests.bench.plan import Plan

HERE = Path(__file__).parent
PARTS = {
    "hop": hop.measure,
    "latency": hop.measure_latency,
    "relay": spine.measure_relay,
    "dedupe": spine.measure_dedupe,
    "poison": spine.measure_poison,
    "history": spine.measure_history,
    "replicas": spine.measure_replicas,
    "memory": spine.measure_memory,
    "revocation": whole.measure_revocation,
    "door": whole.measure_door,
}
QUICK = 0.05


def main():
    parser = argparse.ArgumentParser(prog="bench", description="Ours and its peers, measured.")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: noise")
    parser.add_argument("--seed", type=int, default=2020, help="of the order within each round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS), help="some of: %(default)s")
    parser.add_argument("--out", type=Path, help="default: beside this file, or var/bench for some")
    given = parser.parse_args()
    plan = Plan(given.seed, 1 if given.quick else given.rounds, QUICK if given.quick else 1.0)
    names = given.only.split(",")
    is_whole = not given.quick and names == list(PARTS)
    out = given.out or (HERE if is_whole else ROOT / "var" / "bench")
    out.mkdir(parents=True, exist_ok=True)
    run(plan, names, out)
    sys.stdout.write(f"results and plots: {out}\n")


def run(plan, names, out):
    """Measure part by part, and write what there is after each: a long run loses nothing."""
    tables, goals, began = [], [], time.monotonic()
    with Ground() as ground:
        facts = conditions(ground, plan)
        for name in names:
            more_tables, more_goals = PARTS[name](ground, plan)
            tables += more_tables
            goals += more_goals
            facts["seconds"] = round(time.monotonic() - began)
            (out / "results.json").write_text(as_json(tables, goals, **facts))
            for table in more_tables:
                (out / f"{table.name}.svg").write_text(pictures.plot(table))
    tell(goals)


def tell(goals):
    """Every goal and whether it was met, on standard output."""
    for goal in goals:
        told = goal.as_dict()
        verdict = {True: "met", False: "NOT MET", None: "stated"}[told["met"]]
        sys.stdout.write(
            f"{told['measure']:<66} {told['median']:>9.2f} {told['unit']:<3} "
            f"({told['low']:.2f} to {told['high']:.2f})  {told['goal']:<10} {verdict}\n"
        )


def conditions(ground, plan):
    """What the whole run was measured on."""
    listed = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    with ground.connected() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0].split()[0]
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": listed.stdout.strip(),
        "ours": f"{LAUREL.queue}; {LAUREL.window}; batch {LAUREL.batch}",
        "seed": plan.seed,
        "scale": plan.scale,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "rabbitmq": ground.broker.control("version").strip(),
        "postgresql": version,
        "durability": "fsync and synchronous_commit on; persistent messages, one broker node",
    }


if __name__ == "__main__":
    main()
