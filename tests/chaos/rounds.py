"""`python -m tests.chaos.rounds SEED APPLICATIONS COUNT ALLOWED`: whole rounds through the doors.

The demo's people play them, from application to revocation, forgeries and poison included; their
mail server and webhook receiver stay until this process is ended. A round begins once the file
ALLOWED has a line for it.
"""

import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import eventlet

eventlet.monkey_patch()

from shared.cli.demo import doors  # noqa: E402 - patched before anything else is imported
from shared.cli.demo.receivers import receiving  # noqa: E402
from shared.cli.demo.round import Round  # noqa: E402
from shared.cli.demo.stage import smtp_port  # noqa: E402
from shared.clock import clock_from  # noqa: E402
from shared.settings import Settings  # noqa: E402

PLAYED, PAUSE_SECONDS = "played", 0.5


class Silence:
    """No progress to show."""

    @contextmanager
    def bar(self, what, total):
        yield lambda: None


def main():
    seed, applications, count = map(int, sys.argv[1:4])
    allowed = Path(sys.argv[4])
    doors.TIMEOUT_SECONDS = 10
    settings = Settings.from_environ()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    with receiving(smtp_port(settings)) as (_mailbox, hook):
        for number in range(count):
            while allowed.read_text().count("\n") <= number and not ended.wait(PAUSE_SECONDS):
                pass
            round_ = Round(
                doors.Doors(settings), clock_from(settings.clock), Silence(), seed + number
            )
            round_.subscribe(hook)
            round_.supervise(round_.select(applications))
            print(PLAYED, number, flush=True)
        ended.wait()


if __name__ == "__main__":
    main()
