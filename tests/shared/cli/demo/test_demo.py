"""The demo as a person or a machine starts it."""

import json
import os
import subprocess
import sys

LAUREL = [sys.executable, "-c", "from shared.cli.main import main; main()"]


def run(directory, *words, **environ):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LAUREL_")}
    return subprocess.run(
        [*LAUREL, *words],
        cwd=directory,
        env=clean | environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_demo_prints_one_json_object_and_loses_nothing(tmp_path):
    done = run(tmp_path, "demo", "--json", "--no-serve", "--applications", "15", "--seed", "7")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert list(answer) == [
        "applications", "recommended", "designated", "inspected", "failed", "revoked", "lost",
        "duplicates", "elapsed_seconds", "revocations",
    ]  # fmt: skip
    assert (answer["applications"], answer["lost"], answer["duplicates"]) == (15, 0, 0)
    assert answer["failed"] == answer["revoked"] == len(answer["revocations"]) >= 1
    for revocation in answer["revocations"]:
        assert revocation["ground"] == "inspection_failed"
        assert revocation["circular"].startswith("LAUREL-2020-")
        assert set(revocation["outlets"]) == {
            "bar", "entry", "register", "status_list", "circular", "letter", "webhook",
        }  # fmt: skip


def test_half_a_setting_is_refused_with_one_line(tmp_path):
    done = run(tmp_path, "demo", "--no-serve", LAUREL_DATABASE_URL="sqlite:///x/{service}.db")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "LAUREL_DATABASE_URL is set but LAUREL_BROKER_URL is not" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_programme_in_use_is_never_rehearsed(tmp_path):
    done = run(
        tmp_path,
        "demo",
        "--no-serve",
        LAUREL_BROKER_URL="amqp://127.0.0.1:1",
        LAUREL_DATABASE_URL="postgresql://127.0.0.1:1/{service}",
    )
    assert done.returncode == 1
    assert "under a rehearsal clock" in done.stderr
    assert "Traceback" not in done.stderr
