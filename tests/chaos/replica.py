"""`python -m tests.chaos.replica SERVICE [--kill-at NAME --hit N]`: `laurel run`, observed.

The same server on the same settings; added are the ledger of effects, handlers that misbehave when
an event tells them to, and, where asked for, a point at which the process kills itself.
"""

import argparse

import eventlet

eventlet.monkey_patch()

from shared import telemetry  # noqa: E402 - patched before anything else is imported
from shared.server import Server, service_class  # noqa: E402
from shared.settings import Settings  # noqa: E402
from tests.chaos import killpoints  # noqa: E402
from tests.chaos.effects import witness  # noqa: E402
from tests.chaos.poison import misbehaving  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("service")
    parser.add_argument("--kill-at", choices=killpoints.POINTS)
    parser.add_argument("--hit", type=int, default=1)
    wanted = parser.parse_args()
    settings = Settings.from_environ()
    telemetry.configure(settings.log_level)
    point = killpoints.Point(wanted.kill_at, wanted.hit) if wanted.kill_at else None
    if point and wanted.kill_at not in killpoints.IN_HANDLERS:
        killpoints.POINTS[wanted.kill_at](point)

    def around(name, act):
        act = misbehaving(act)
        in_handler = wanted.kill_at in killpoints.IN_HANDLERS
        return killpoints.after(act, point) if in_handler else act

    witness(service_class(wanted.service), around)
    Server([wanted.service], settings).serve()


if __name__ == "__main__":
    main()
