"""`make chaos` in miniature: a handful of faults and guards on the whole private stage."""

import json
import subprocess
import sys

import pytest

from deploy.local.stack import ROOT

pytestmark = pytest.mark.long

SEED = "2020"


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    output = tmp_path_factory.mktemp("chaos")
    command = [sys.executable, "-m", "tests.chaos", "--short", "--seed", SEED, "--output", output]
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (output / "results.json").exists(), done.stdout + done.stderr
    return json.loads((output / "results.json").read_text())


def test_nothing_is_lost_and_nothing_happens_twice(facts):
    assert (facts["lost"], facts["duplicates"], facts["findings"]) == (0, 0, [])
    assert facts["events"] > 1_000


def test_every_fault_fired(facts):
    assert len(facts["faults"]) == 4
    assert [fault["proof"] for fault in facts["faults"] if fault["is_void"]] == []


def test_every_guard_that_is_taken_away_is_missed(facts):
    assert len(facts["guards"]) == 5
    assert all(guard["caught_by"] for guard in facts["guards"])
