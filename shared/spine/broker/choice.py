"""Which of the two brokers a URL means."""

from shared.spine.broker import Broker


def broker_at(url: str, *, confirm_timeout: float = 10) -> Broker:
    """The broker that a URL names: `memory://` or `amqp(s)://…`."""
    if url.startswith("memory:"):
        from shared.spine.broker.memory import MemoryBroker  # noqa: PLC0415 - only the one in use

        return MemoryBroker()
    from shared.spine.broker.amqp import AmqpBroker  # noqa: PLC0415 - only the one in use

    return AmqpBroker(url, confirm_timeout)
