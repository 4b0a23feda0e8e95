"""The options by which `laurel events` says which events are meant."""

from collections.abc import Callable
from typing import Any

import click

from shared.catalogue import SERVICES

SERVICE = click.option(
    "--service", "services", type=click.Choice(SERVICES), multiple=True, help="Default: all."
)
JSON = click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
YES = click.option("--yes", is_flag=True, help="Do not ask.")
SINCE = click.option("--since", help="From this instant on, such as 2020-11-11T09:00:00+08:00.")
UNTIL = click.option("--until", help="Before this instant.")
FILTERS = (
    SERVICE,
    click.option("--group", help="A group of laurel events groups."),
    click.option("--handler", help="service.method"),
    click.option("--type", help="An event type, such as project.revoked."),
    click.option("--error", help="The error's slug or type."),
    click.option("--subject", help="The aggregate, such as a project."),
    SINCE,
    UNTIL,
)


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that restrict parked events."""
    for option in reversed(FILTERS):
        command = option(command)
    return command


def given(**filters: Any) -> dict[str, Any]:
    """Those that were used."""
    return {name: value for name, value in filters.items() if value}
