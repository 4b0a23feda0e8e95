"""Every contender still runs: a few messages each, and every effect is there. Times nothing."""

import subprocess
import sys

import pytest

from shared.documents import bench_table
from tests.bench import hop
from tests.bench.field import CONTENDERS
from tests.bench.figures import AT_MOST, Goal, Table, as_json, percentile
from tests.bench.ground import ROOT, Ground
from tests.bench.pictures import plot

pytestmark = pytest.mark.long

FEW = 20


@pytest.fixture(scope="module")
def ground():
    make = ["make", "--no-print-directory", ".venv-bench/.ready", f"PYTHON={sys.executable}"]
    subprocess.run(make, cwd=ROOT, check=True)
    with Ground() as ground:
        yield ground


@pytest.mark.parametrize("contender", CONTENDERS, ids=lambda contender: contender.name)
def test_every_event_of_a_contender_has_its_effect(ground, contender):
    assert hop.rate(ground.place(contender), FEW, FEW) > 0


def test_the_tables_of_a_run_become_results_plots_and_a_part_of_the_readme(tmp_path):
    table = Table("hop", "One hop", "events/s")
    for ours, theirs in ((300, 100), (500, 100)):
        table.add("ours", "Ours", ours)
        table.add("theirs", "Theirs & more", theirs)
    goals = [
        Goal("a hop", table.ratios("ours", "theirs"), "×", 3.5),
        Goal("delay", [7.0], "ms", 5, AT_MOST, "late"),
    ]
    results = tmp_path / "results.json"
    results.write_text(
        as_json(
            [table],
            goals,
            at="2020-10-12T09:00",
            cores=2,
            rabbitmq="3",
            postgresql="15",
            python="3.11",
            durability="fsync",
            ours="quorum",
            seed=1,
        )
    )
    assert bench_table(results).splitlines()[2:] == [
        "| a hop | ≥ 3.5 × | 4 × (3 to 5) | met |  |",
        "| delay | ≤ 5 ms | 7 ms (7 to 7) | **not met** | late |",
        "",
        "Measured 2020-10-12 on 2 cores with RabbitMQ 3, PostgreSQL 15, Python 3.11; fsync. "  # noqa: ISC004
        "Ours, where nothing else is said: quorum. Seed 1.",
    ]
    assert "Theirs &amp; more" in plot(table)


def test_without_results_the_readme_says_so(tmp_path):
    assert bench_table(tmp_path / "none.json").startswith("Nothing has been measured yet")


def test_a_percentile_is_a_value_that_was_seen():
    assert [percentile(range(1, 101), share) for share in (50, 99, 100)] == [50, 99, 100]
