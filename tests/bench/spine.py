"""What the guarantees cost: relay, inbox, poison, history, replicas, memory."""

import time
from pathlib import Path

from deploy.local.process import wait_until
from shared.catalogue import INTAKE
from tests.bench import hop
from tests.bench.field import LAUREL, PUBLISHERS
from tests.bench.figures import AT_MOST, Goal, Table, percentile

RETAINED = 1_000_000
OUTBOX_HISTORY = """
INSERT INTO outbox (event_id, exchange, routing_key, subject, about, sequence, urgent, body,
                    recorded_at, published_at)
SELECT '0192a000-0000-7000-8000-' || lpad(n::text, 12, '0'), 'intake.events', 'change.reported',
       'C-' || n, 'P-' || n %% 5000, 1, false, decode(repeat('7b7d', 300), 'hex'), now(), now()
FROM generate_series(1, %s) AS n
"""
INBOX_HISTORY = """
INSERT INTO inbox (handler, event_id, source, about, digest, handled_at)
SELECT 'scoring.keep_effect', '0192a000-0000-7000-8000-' || lpad(n::text, 12, '0'), 'intake',
       'P-' || n %% 5000, sha256(n::text::bytea), now()
FROM generate_series(1, %s) AS n
"""
MARKED = """
SELECT extract(epoch FROM max(pg_xact_commit_timestamp(xmin))) FROM outbox WHERE subject >= %s
"""
POISON = {
    "consume": ("no poison", "publish"),
    "garbage": ("1 % no events at all", "spoil"),
    "refusing": ("1 % refused by the handler before it changed anything", "publish"),
    "failing": ("1 % failing in the handler after a change", "publish"),
}


def measure_relay(ground, plan):
    """Publishing alone: nobody consumes."""
    table = Table("relay", "Publishing into a quorum queue", "events/s")
    place = ground.place(LAUREL)
    for role, title, count, conditions in plan.rounds(PUBLISHERS):
        size = plan.sized(count)
        with place.publishing(role) as publisher:
            publisher.order(place.numbered(size // 10), size // 10)
            value = _published(place, publisher, size)
        ground.purge(place)
        plan.say(table, title, value)
        table.add(role, title, value, events=size, **conditions)
    goals = [
        Goal("relay against nameko's publisher", table.ratios("publish", "nameko"), "×", 10),
        Goal("relay against the same without confirms", table.ratios("publish", "unconfirmed"),
             "×", 0.8),
    ]  # fmt: skip
    return [table], goals


def _published(place, publisher, count):
    """Events a second, from the commit in the outbox, if there is one, to the last mark."""
    first = place.numbered(count)
    told = publisher.order(first, count)
    if isinstance(told, list):
        began, ended = told
    else:
        began = told
        wait_until(lambda: place.ask(hop.UNPUBLISHED, service=INTAKE) == (0,), 180, "the relay")
        ended = float(place.ask(MARKED, hop.change(first), service=INTAKE)[0])
    return count / (ended - began)


def measure_dedupe(ground, plan):
    """The same consumer with and without inbox."""
    table = Table("dedupe", "One consumer, everything waiting in its queue", "events/s")
    place, count = ground.place(LAUREL), plan.sized(15_000)
    roles = {"consume": "with inbox and dedupe", "forgetful": "without"}
    for role in plan.rounds(roles):
        value = hop.drained(place, count, role)
        plan.say(table, roles[role], value)
        table.add(role, roles[role], value, events=count, **LAUREL.conditions)
    costs = [100 * (1 - ratio) for ratio in table.ratios("consume", "forgetful")]
    return [table], [Goal("cost of inbox and dedupe", costs, "%", 20, AT_MOST)]


def measure_poison(ground, plan):
    """The same consumer, with some events that cannot be handled."""
    table = Table("poison", "One consumer with poison among its events", "events/s")
    place, count = ground.place(LAUREL), plan.sized(15_000) // 100 * 100
    for name in plan.rounds(POISON, 3):
        title, publish = POISON[name]
        bad = 0 if name == "consume" else count // 100
        role = "consume" if name == "garbage" else name
        value = hop.drained(place, count, role, good=count - bad, publish=publish)
        plan.say(table, title, value)
        table.add(name, title, value, events=count, parked=bad, **LAUREL.conditions)
    goals = [
        Goal(f"throughput with {POISON[name][0]}",
             [100 * ratio for ratio in table.ratios(name, "consume")], "%", 95)
        for name in list(POISON)[1:]
    ]  # fmt: skip
    return [table], goals


def measure_history(ground, plan):
    """A hop and its latency with a million retained rows in outbox and inbox, and with none."""
    rates = Table("history", "One hop with 1,000,000 retained rows and with none", "events/s")
    delays = Table("history_p99", "Its latency at 200 events/s, 99 of 100", "ms")
    places = {"empty": ground.place(LAUREL), "full": ground.place(LAUREL)}
    titles = {"empty": "empty tables", "full": "1,000,000 outbox and inbox rows"}
    _fill(places["full"], plan.sized(RETAINED))
    for name in plan.rounds(places, 3):
        count = plan.sized(LAUREL.count)
        value = hop.rate(places[name], count, count // 10)
        delay = 1000 * percentile(hop.latencies(places[name], plan.sized(1_000), 200), 99)
        plan.say(rates, titles[name], value)
        rates.add(name, titles[name], value, events=count, **LAUREL.conditions)
        delays.add(name, titles[name], delay, events=plan.sized(1_000), **LAUREL.conditions)
    return [rates, delays], [
        Goal("a hop with 1,000,000 retained rows against none",
             [100 * ratio for ratio in rates.ratios("full", "empty")], "%", 90),
        Goal("its p99 latency with 1,000,000 retained rows against none",
             delays.ratios("full", "empty"), "×", 1.1, AT_MOST),
    ]  # fmt: skip


def _fill(place, count):
    for statement, table, service in (
        (OUTBOX_HISTORY, "outbox", INTAKE),
        (INBOX_HISTORY, "inbox", "scoring"),
    ):
        with place.sink(service) as cursor:
            cursor.execute(statement, [count])
            cursor.execute(f"VACUUM ANALYZE {table}")


def measure_replicas(ground, plan):
    """Two processes of the consumer against one."""
    table = Table("replicas", "One hop with replicas of the consumer", "events/s")
    place, count = ground.place(LAUREL), plan.sized(LAUREL.count)
    titles = {1: "one process", 2: "two processes"}
    for consumers in plan.rounds(titles, 3):
        value = hop.rate(place, count, count // 10, consumers)
        plan.say(table, titles[consumers], value)
        table.add(str(consumers), titles[consumers], value, events=count, **LAUREL.conditions)
    return [table], [Goal("two replicas of a consumer against one", table.ratios("2", "1"), "×")]


def measure_memory(ground, plan):
    """What the two processes of a hop keep of 200,000 events."""
    table = Table("memory", "Memory of one process while events pass through it", "MB")
    place, part = ground.place(LAUREL), plan.sized(20_000)
    with place.running() as publisher:
        watched = {"publisher": publisher.process.pid, "consumer": place.consumer.process.pid}
        for number in range(1, 11):
            publisher.order(place.numbered(part), part)
            place.wait_for(number * part)
            time.sleep(0.2)
            for name, pid in watched.items():
                table.add(name, name, resident(pid), events=10 * part)
    growth = [100 * (row.rounds[-1] / row.rounds[3] - 1) for row in table.rows.values()]
    note = "after the last of ten parts against the fourth; one figure a process"
    return [table], [Goal("growth of memory over 200,000 events", growth, "%", 5, AT_MOST, note)]


def resident(pid):
    """Megabytes of a process that are in memory."""
    (line,) = [
        text
        for text in Path(f"/proc/{pid}/status").read_text().splitlines()
        if text.startswith("VmRSS")
    ]
    return int(line.split()[1]) / 1024
