"""faststream-outbox: a published outbox on PostgreSQL that relays to RabbitMQ, and FastStream.

At least once, no inbox. In its favour: asyncpg, woken by NOTIFY, 200 rows claimed at a time,
50 relayed and 400 handled at the same time, finished rows deleted 200 in one statement.
"""

import asyncio
import sys
import time

from faststream import FastStream
from faststream_outbox import OutboxBroker, make_outbox_table
from sqlalchemy import MetaData
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from tests.bench.contenders import common, faststream_app

WORKERS, CLAIMED = 50, 200
metadata = MetaData()
table = make_outbox_table(metadata)
publisher = faststream_app.broker.publisher(faststream_app.queue, persist=True)


def outbox_on(engine):
    broker = OutboxBroker(engine, outbox_table=table, logger=None)

    @publisher
    @broker.subscriber(
        "relayed",
        max_workers=WORKERS,
        fetch_batch_size=CLAIMED,
        terminal_flush_batch_size=CLAIMED,
        min_fetch_interval=0.01,
        max_fetch_interval=1.0,
    )
    async def relay(event: dict) -> dict:
        return event

    return broker


async def record(engine, broker, numbers):
    """Commit events into the outbox; returns the time of the commit."""
    async with AsyncSession(engine) as session, session.begin():
        for number in numbers:
            await broker.publish(common.message(number), queue="relayed", session=session)
    return time.time()


async def serve():
    url = make_url(common.SOURCE).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, pool_size=WORKERS, max_overflow=10)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    broker = outbox_on(engine)
    await faststream_app.broker.connect()
    await faststream_app.broker.declare_queue(faststream_app.queue)
    await FastStream(broker, logger=None).start()
    loop = asyncio.get_running_loop()

    def burst(numbers):
        return asyncio.run_coroutine_threadsafe(record(engine, broker, numbers), loop).result()

    def single(number):
        burst([number])

    await asyncio.to_thread(common.obey, burst, single)


if __name__ == "__main__":
    asyncio.run({"consume": faststream_app.app.run, "publish": serve}[sys.argv[1]]())
