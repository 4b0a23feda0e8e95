"""`python -m tests.chaos [--seed N] [--short]`: what `make chaos` runs."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")

from deploy.local.stack import ROOT  # noqa: E402 - after the filter
from tests.chaos import network, results, run  # noqa: E402 - after the filter
from tests.chaos.stage import Foundation  # noqa: E402

HERE = Path(__file__).parent


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--short", action="store_true", help="a handful of faults and guards")
    parser.add_argument("--only", help="faults with this in their names, and no guards")
    parser.add_argument("--keep", action="store_true", help="keep the logs of every process")
    parser.add_argument("--output", type=Path, help="default: beside this file, var/chaos for some")
    wanted = parser.parse_args()
    is_whole = not (wanted.short or wanted.only)
    wanted.output = wanted.output or (HERE if is_whole else ROOT / "var" / "chaos")
    wanted.output.mkdir(parents=True, exist_ok=True)
    enter_namespace()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    home = Path(tempfile.mkdtemp(prefix="laurel-chaos-"))
    home.chmod(0o755)
    print(f"seed {wanted.seed}; logs under {home}", flush=True)
    try:
        sys.exit(play(wanted, home))
    finally:
        if not wanted.keep:
            shutil.rmtree(home, ignore_errors=True)


def enter_namespace():
    """Begin again in namespaces of our own, where the machine lets us: all ends with this process."""
    if network.NAMESPACE not in os.environ and (command := network.namespace_command()):
        os.environ[network.NAMESPACE] = "1"
        os.execvp(command[0], [*command, sys.executable, "-m", "tests.chaos", *sys.argv[1:]])


def play(wanted, home):
    """The whole run; gives the exit code."""
    began = time.monotonic()
    foundation = Foundation(home, "short" if wanted.short else "full")
    try:
        foundation.start()
        run.say(began, f"three brokers and a database; {foundation.network.name}")
        told = run.everything(foundation, wanted, began)
    finally:
        foundation.stop()
    told |= {"seed": wanted.seed, "seconds": round(time.monotonic() - began)}
    results.write(told, wanted.output)
    print(results.summary(told), flush=True)
    print(f"results: {wanted.output}", flush=True)
    return 0 if results.is_good(told) else 1


if __name__ == "__main__":
    main()
