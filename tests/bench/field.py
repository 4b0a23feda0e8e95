"""Who is compared: how each is started, and under which conditions."""

from dataclasses import dataclass

OURS, BENCH = ".venv", ".venv-bench"
QUORUM = "quorum, persistent, confirmed"


@dataclass(frozen=True)
class Contender:
    """One file of `contenders`; `count` is how many events a round has, about five seconds' worth.

    `consumer` is what follows `python -m`; `environ` tunes it in its favour.
    """

    name: str
    title: str
    count: int
    queue: str
    window: str
    batch: str
    guarantee: str
    venv: str = BENCH
    consumer: tuple[str, ...] = ()
    environ: tuple[tuple[str, str], ...] = ()

    @property
    def module(self) -> str:
        """Its file, as a module."""
        return f"tests.bench.contenders.{self.name}"

    def consuming(self, role: str) -> tuple[str, ...]:
        """Its consumer's command line, after `python -m`."""
        return self.consumer or (self.module, role)

    @property
    def conditions(self) -> dict[str, str]:
        """What stands beside its figures."""
        return {
            "queue": self.queue,
            "window": self.window,
            "batch": self.batch,
            "guarantee": self.guarantee,
        }


LAUREL = Contender(
    "ours",
    "Laurel",
    20_000,
    QUORUM,
    "500 unconfirmed, prefetch 400",
    "up to 200",
    "outbox and inbox: effectively once",
    OURS,
)
SINGLE = Contender(
    "single_nameko",
    "one message at a time on nameko",
    1_500,
    QUORUM,
    "1 unconfirmed, 10 workers",
    "1",
    "outbox and inbox: effectively once",
    OURS,
)
STOCK = Contender(
    "stock_nameko",
    "nameko as it comes",
    4_000,
    "classic, persistent, confirmed",
    "11 publishing threads, 10 workers",
    "1",
    "none: a failing handler loses its event",
    OURS,
)
FASTSTREAM = Contender(
    "faststream_app",
    "FastStream",
    6_000,
    QUORUM,
    "500 unconfirmed, prefetch 400",
    "1",
    "at least once after publishing",
)
CELERY = Contender(
    "celery_app",
    "Celery",
    4_000,
    QUORUM,
    "10 publishing threads, 2 processes, prefetch 400",
    "1",
    "at least once after publishing (acks_late)",
    consumer=(
        "celery",
        "-A",
        "tests.bench.contenders.celery_app",
        "worker",
        "--pool",
        "prefork",
        "--concurrency",
        "2",
        "--without-gossip",
        "--without-mingle",
        "--loglevel",
        "error",
    ),
)
DRAMATIQ = Contender(
    "dramatiq_app",
    "Dramatiq",
    4_000,
    "classic, persistent, confirmed",
    "10 publishing threads, 2 processes of 4 threads, prefetch 400",
    "1",
    "at least once after publishing",
    consumer=(
        "dramatiq",
        "--processes",
        "2",
        "--threads",
        "4",
        "tests.bench.contenders.dramatiq_app",
    ),
    environ=(("dramatiq_queue_prefetch", "200"),),
)
PACKAGE = Contender(
    "outbox_package",
    "faststream-outbox with FastStream",
    3_000,
    QUORUM,
    "50 relaying, prefetch 400",
    "200 claimed and deleted, else 1",
    "outbox: at least once",
)
CONTENDERS = (LAUREL, SINGLE, STOCK, FASTSTREAM, CELERY, DRAMATIQ, PACKAGE)
PUBLISHERS = (
    (
        "publish",
        "relay: claimed, published, confirmed, marked",
        20_000,
        {"queue": QUORUM, "window": "500 unconfirmed", "batch": "500 claimed and marked"},
    ),
    (
        "unconfirmed",
        "the same relay without confirms",
        20_000,
        {
            "queue": "quorum, persistent, unconfirmed",
            "window": "none",
            "batch": "500 claimed and marked",
        },
    ),
    (
        "nameko",
        "nameko's publisher, no database",
        2_000,
        {"queue": QUORUM, "window": "1 unconfirmed", "batch": "1"},
    ),
    (
        "window",
        "our publisher, no database",
        20_000,
        {"queue": QUORUM, "window": "500 unconfirmed", "batch": "500"},
    ),
    (
        "bare",
        "py-amqp without confirms, no database",
        20_000,
        {"queue": "quorum, persistent, unconfirmed", "window": "none", "batch": "1"},
    ),
)
