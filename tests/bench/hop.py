"""One hop: from the commit (or the publishing) of events in A to their effects committed in B."""

from deploy.local.process import wait_until
from shared.catalogue import INTAKE
from tests.bench.field import CONTENDERS, LAUREL, SINGLE, STOCK
from tests.bench.figures import AT_MOST, Goal, Table, percentile

SPAN = """
SELECT sum(times), count(*), extract(epoch FROM max(at)) FROM (
    SELECT change, count(*) AS times, min(pg_xact_commit_timestamp(xmin)) AS at
    FROM effects WHERE change >= %s GROUP BY change) AS done
"""
TIMES = """
SELECT change, extract(epoch FROM min(pg_xact_commit_timestamp(xmin))) FROM effects
WHERE change >= %s GROUP BY change
"""
SLOPE = """
SELECT count(*), count(DISTINCT change),
    extract(epoch FROM max(at) - percentile_disc(0.2) WITHIN GROUP (ORDER BY at))
FROM (SELECT change, pg_xact_commit_timestamp(xmin) AS at FROM effects) AS done
"""
UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
PER_SECOND = 200


def measure(ground, plan):
    """Every contender's throughput, in one table."""
    table = Table("hop", "One hop, commit in A to effect committed in B", "events/s")
    places = {contender.name: ground.place(contender) for contender in CONTENDERS}
    for contender in plan.rounds(CONTENDERS):
        count = plan.sized(contender.count)
        value = rate(places[contender.name], count, count // 10)
        plan.say(table, contender.title, value)
        table.add(contender.name, contender.title, value, events=count, **contender.conditions)
    return [table], list(_goals(table))


def _goals(table):
    bounds = {SINGLE.name: 12, STOCK.name: 2.5}
    for contender in CONTENDERS[1:]:
        measure = f"one hop against {contender.title}"
        ratios = table.ratios(LAUREL.name, contender.name)
        note = f"{contender.queue}; {contender.window}; batch {contender.batch}"
        yield Goal(measure, ratios, "×", bounds.get(contender.name, 1.0), note=note)


def measure_latency(ground, plan):
    """Every contender's latency at a fixed rate that all of them can keep up with."""
    titles = {50: "half of all", 99: "99 of 100"}
    tables = {
        share: Table(f"latency_p{share}", f"Latency at {PER_SECOND} events/s, {title}", "ms")
        for share, title in titles.items()
    }
    places = {contender.name: ground.place(contender) for contender in CONTENDERS}
    for contender in plan.rounds(CONTENDERS, 3):
        count = plan.sized(2_000)
        found = latencies(places[contender.name], count, count // 5)
        for share, table in tables.items():
            value = 1000 * percentile(found, share)
            plan.say(table, contender.title, value)
            table.add(contender.name, contender.title, value, events=count, **contender.conditions)
    goals = [
        Goal(f"latency at {PER_SECOND} events/s, p{share}", tables[share].rows[LAUREL.name].rounds,
             "ms", bound, AT_MOST)
        for share, bound in ((50, 10), (99, 30))
    ]  # fmt: skip
    return list(tables.values()), goals


def rate(place, count, warm, consumers=1):
    """Events a second of one burst; every effect is there, once where that is promised."""
    place.clear()
    with place.running(consumers=consumers) as publisher:
        publisher.order(place.numbered(warm), warm)
        place.wait_for(warm)
        first = place.numbered(count)
        began = publisher.order(first, count)
        place.wait_for(count, change(first))
        wait_until(lambda: place.ask(SPAN, change(first))[1] == count, 180, "every effect")
    written, _distinct, ended = place.ask(SPAN, change(first))
    if place.contender.guarantee.endswith("effectively once"):
        assert written == count, f"{place.contender.title}: {written} effects of {count} events"
    return count / (float(ended) - began)


def drained(place, count, role="consume", *, good=None, publish="publish"):
    """Events a second of one consumer alone, with all of them waiting in its queue.

    The first fifth warms it up. `good` is how many of them leave an effect.
    """
    good = count if good is None else good
    place.clear()
    with place.publishing(publish) as publisher:
        publisher.order(place.numbered(count), count)
        wait_until(lambda: place.ask(UNPUBLISHED, service=INTAKE) == (0,), 180, "the relay")
    with place.consuming(role):
        place.wait_for(good)
    written, distinct, seconds = place.ask(SLOPE)
    assert (written, distinct) == (good, good), f"{role}: {written} effects, {distinct} events"
    return 0.8 * count / float(seconds)


def latencies(place, count, warm):
    """Seconds from each event's intended sending to the commit of its effect."""
    place.clear()
    with place.running() as publisher:
        publisher.order(place.numbered(warm), warm, PER_SECOND)
        place.wait_for(warm)
        first = place.numbered(count)
        began = publisher.order(first, count, PER_SECOND)
        place.wait_for(count, change(first))
    with place.sink() as cursor:
        cursor.execute(TIMES, [change(first)])
        return [
            float(ended) - began - (int(name[2:]) - first) / PER_SECOND for name, ended in cursor
        ]


def change(number):
    """An event's name, which sorts as its number does."""
    return f"C-{number:08}"
