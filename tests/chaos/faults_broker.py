"""Faults of the broker and of the network around it."""

from contextlib import contextmanager

from deploy.local import process
from deploy.local.process import wait_until
from tests.chaos.catalogue import NotFiredError, fault, prove

QUEUE = "evt-intake-violation.reported--inspection.open_task"
SECONDS = 60


def leader(scene):
    """The node that leads the queue of the reports."""
    name = scene.queues("leader")[QUEUE][0]
    return next(node for node in scene.cluster.nodes if node.name == name)


@contextmanager
def _killed(scene, *nodes):
    pids = [node.pid for node in nodes]
    for node in nodes:
        node.kill()
    try:
        yield prove(
            lambda: (
                not any(map(process.born, pids)) and not any(process.accepts(n.port) for n in nodes)
            ),
            f"{', '.join(node.name for node in nodes)} killed, ports closed",
        )
    finally:
        scene.cluster.start()


@fault("broker leader killed")
def leader_killed(scene, dice):
    with _killed(scene, leader(scene)) as proof:
        yield proof


@fault("broker follower killed")
def follower_killed(scene, dice):
    chief = leader(scene)
    with _killed(scene, next(n for n in scene.cluster.nodes if n is not chief)) as proof:
        yield proof


@fault("two of three brokers killed")
def two_killed(scene, dice):
    spared, *others = dice.sample(scene.cluster.nodes, 3)
    with _killed(scene, *others) as proof:
        yield f"{proof}; " + prove(
            lambda: not process.accepts(spared.port),
            f"{spared.name} stopped serving alone",
            SECONDS,
        )


@fault("whole broker cluster restarted")
def cluster_restarted(scene, dice):
    with _killed(scene, *scene.cluster.nodes) as proof:
        yield proof


@fault("partition between broker nodes", hold=8)
def partition(scene, dice):
    cut_off = dice.choice(scene.cluster.nodes)
    others = [node for node in scene.cluster.nodes if node is not cut_off]
    network = scene.foundation.network
    with network.cut(cut_off, others):
        yield f"{network.name}: " + prove(
            lambda: not process.accepts(cut_off.port), f"{cut_off.name} alone stopped serving", 45
        )
    wait_until(lambda: process.accepts(cut_off.port), SECONDS, f"{cut_off.name} to serve again")


@fault("connection black hole", hold=8)
def black_hole(scene, dice):
    link = scene.links["a"]
    accepted = link.accepted
    link.swallow()
    try:
        yield prove(lambda: link.accepted > accepted, "clients gave up and knocked again", 45)
    finally:
        link.pass_on()
        link.cut()


@fault("half-open connections")
def half_open(scene, dice):
    link = scene.links["b"]
    accepted, lost = link.accepted, link.lose_far_ends()
    if not lost:
        raise NotFiredError("no connection to lose")
    yield prove(lambda: link.accepted > accepted, f"{lost} far ends lost, clients noticed", 45)


@fault("connections reset")
def reset(scene, dice):
    accepted = {name: link.accepted for name, link in scene.links.items()}
    for link in scene.links.values():
        link.cut()
    yield prove(
        lambda: all(link.accepted > accepted[name] for name, link in scene.links.items()),
        "reset on both links, opened again",
    )


@fault("slow link", hold=5)
def slow_link(scene, dice):
    link = scene.links["a"]
    link.lag_seconds = 0.25
    said = link.said
    try:
        yield prove(lambda: link.said > said, "bytes went through 250 ms late")
    finally:
        link.pass_on()


def _alarm(scene, begin, end, sign):
    accepted = [link.accepted for link in scene.links.values()]
    for node in scene.cluster.nodes:
        node.control(*begin)
    try:
        told = scene.cluster.control("eval", "rabbit_alarm:get_alarms().")
        if sign not in told:
            raise NotFiredError(f"no alarm: {told}")
        blocked = 'laurel_relay_failures_total{kind="blocked"'
        yield f"alarm {sign}; " + prove(
            lambda: any(scene.metric("intake", r, blocked) for r in scene.links),
            f"relays told connection.blocked ({len(accepted)} links)",
            SECONDS,
        )
    finally:
        for node in scene.cluster.nodes:
            node.control(*end)


@fault("broker memory alarm")
def memory_alarm(scene, dice):
    yield from _alarm(
        scene,
        ("set_vm_memory_high_watermark", "absolute", "1MB"),
        ("set_vm_memory_high_watermark", "absolute", "1GB"),
        "memory",
    )


@fault("broker disk alarm")
def disk_alarm(scene, dice):
    yield from _alarm(
        scene, ("set_disk_free_limit", "100000GB"), ("set_disk_free_limit", "50MB"), "disk"
    )


@fault("queue deleted")
def queue_deleted(scene, dice):
    scene.cluster.control("delete_queue", "-p", scene.name, QUEUE)
    yield "deleted; " + prove(lambda: QUEUE in scene.queues("consumers"), "made again", SECONDS)


@fault("queue purged")
def queue_purged(scene, dice):
    """What is purged is gone; nobody consumes meanwhile, so that there is something to purge."""
    with nobody_consuming(scene):
        wait_until(lambda: int(scene.queues("messages_ready")[QUEUE][0]) > 0, SECONDS, "messages")
        ready = scene.queues("messages_ready")[QUEUE][0]
        scene.cluster.control("purge_queue", "-p", scene.name, QUEUE)
    yield f"purged with {ready} messages ready"


@contextmanager
def nobody_consuming(scene):
    """End the consumers of the reports for a while."""
    for replica in scene.links:
        scene.end("inspection", replica)
    try:
        yield
    finally:
        for replica in scene.links:
            scene.launch("inspection", replica)
        scene.await_ready()


@fault("consumers cancelled by the broker")
def consumer_cancelled(scene, dice):
    """Their channels send basic.cancel, as they do when a queue's node gives it up."""
    name = f'rabbit_misc:r(<<"{scene.name}">>, queue, <<"{QUEUE}">>)'
    told = scene.cluster.control(
        "eval",
        f"{{ok, Q}} = rabbit_amqqueue:lookup({name}), Consumers = rabbit_amqqueue:consumers(Q), "
        "[rabbit_channel:send_command(element(1, C), {'basic.cancel', element(2, C), true}) "
        "|| C <- Consumers], length(Consumers).",
    ).strip()
    if told == "0":
        raise NotFiredError("nobody consumed the queue")
    cancelled = "the broker cancelled this consumer"
    yield f"{told} consumers; " + prove(
        lambda: any(cancelled in scene.log("inspection", r).read_text() for r in scene.links),
        "cancelled, says the log",
    )
