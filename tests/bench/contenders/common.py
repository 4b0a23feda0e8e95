"""What all contenders share: the message, the effect of handling it, and the runner's orders.

Only the standard library, so that every contender's interpreter can read it.
"""

import json
import os
import sys
import time
from datetime import date, timedelta

BROKER = os.environ.get("BENCH_BROKER", "")
SOURCE, SINK = os.environ.get("BENCH_SOURCE", ""), os.environ.get("BENCH_SINK", "")
INSERT = (
    "INSERT INTO effects (change, project, kind, summary, occurred_on) VALUES (%s, %s, %s, %s, %s)"
)
PREFETCH = 400
KINDS = ("name", "legal_person", "address", "scope")


def day(number):
    """When it happened."""
    return date(2020, 10, 12) + timedelta(days=number % 60)


def data(number):
    """What the event says: the same for every contender."""
    return {
        "change": f"C-{number:08}",
        "project": f"P-2020-{number % 5000:05}",
        "kind": KINDS[number % len(KINDS)],
        "occurred_on": day(number).isoformat(),
        "summary": "The undertaker has moved its workshop; the deed and the plan are enclosed.",
        "reported_at": "2020-10-12T01:00:00+00:00",
    }


def message(number):
    """The whole event, as the spine's envelope writes it."""
    event_id = f"0192a000-0000-7000-8000-{number:012}"
    return {
        "specversion": "1.0",
        "id": event_id,
        "source": "/laurel/intake",
        "type": "laurel.change.reported",
        "subject": f"C-{number:08}",
        "time": "2020-10-12T01:00:00Z",
        "datacontenttype": "application/json",
        "dataschema": "/schemas/laurel.change.reported/1",
        "sequence": "1",
        "correlationid": event_id,
        "data": data(number),
    }


def effect(event):
    """The row that handling the event writes."""
    told = event["data"]
    return tuple(told[name] for name in ("change", "project", "kind", "summary", "occurred_on"))


def obey(burst, single, read=sys.stdin.readline):
    """Carry out the runner's orders, one JSON line each, and answer when each began.

    `burst(numbers)` publishes all of them as fast as it can, and returns the time of its commit if
    it has one; `single(number)` publishes one at its intended time. `read` must not stop other
    threads.
    """
    answer({"ready": True})
    while line := read():
        order = json.loads(line)
        numbers = range(order["first"], order["first"] + order["count"])
        if rate := order.get("rate"):
            answer({"began": pace(single, numbers, rate)})
        else:
            began = time.time()
            answer({"began": burst(numbers) or began})


def pace(single, numbers, rate):
    """Publish at a fixed rate; who falls behind is not waited for, and its delay counts."""
    began = time.time() + 0.1
    for index, number in enumerate(numbers):
        time.sleep(max(0.0, began + index / rate - time.time()))
        single(number)
    return began


def answer(told):
    """One line for the runner."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
