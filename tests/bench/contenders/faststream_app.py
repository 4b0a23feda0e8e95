"""FastStream on a quorum queue: persistent, publisher confirms, acknowledged after the handler.

No outbox and no inbox: a crash between commit and publish loses, a redelivery is handled twice. In
its favour: 500 messages published at the same time, 400 handled at the same time, on asyncpg with a
pool of connections.
"""

import asyncio
import sys
from datetime import date

import asyncpg
from faststream import AckPolicy, FastStream
from faststream.rabbit import Channel, QueueType, RabbitBroker, RabbitQueue

from tests.bench.contenders import common

WINDOW, CONNECTIONS = 500, 20
INSERT = common.INSERT % tuple(f"${number}" for number in range(1, 6))
broker = RabbitBroker(
    common.BROKER, default_channel=Channel(prefetch_count=common.PREFETCH), logger=None
)
queue = RabbitQueue("changes", queue_type=QueueType.QUORUM, durable=True)
app = FastStream(broker, logger=None)
opened = {}


@broker.subscriber(queue, ack_policy=AckPolicy.NACK_ON_ERROR)
async def keep_effect(event: dict):
    *texts, occurred_on = common.effect(event)
    await opened["pool"].execute(INSERT, *texts, date.fromisoformat(occurred_on))


@app.on_startup
async def connect():
    opened["pool"] = await asyncpg.create_pool(
        common.SINK, min_size=CONNECTIONS, max_size=CONNECTIONS
    )


@app.after_startup
async def tell():
    common.answer({"ready": True})


async def publish_all(numbers):
    window = asyncio.Semaphore(WINDOW)

    async def one(number):
        async with window:
            await broker.publish(common.message(number), queue=queue, persist=True)

    await asyncio.gather(*map(one, numbers))


async def serve():
    await broker.connect()
    await broker.declare_queue(queue)
    loop = asyncio.get_running_loop()

    def burst(numbers):
        asyncio.run_coroutine_threadsafe(publish_all(numbers), loop).result()

    def single(number):
        burst([number])

    await asyncio.to_thread(common.obey, burst, single)


if __name__ == "__main__":
    asyncio.run({"consume": app.run, "publish": serve}[sys.argv[1]]())
