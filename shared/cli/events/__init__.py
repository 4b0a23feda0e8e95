"""`laurel events`: what is parked, what was published, and what an operator decides about it."""

import click

from shared.cli.events.deciding import discard, restore, retry
from shared.cli.events.parked import groups, parked, refused, show
from shared.cli.events.resending import reconcile, replay


@click.group()
def events() -> None:
    """Parked events, replay of published ones, reconciliation of both ends."""


for command in (parked, groups, show, retry, discard, restore, refused, replay, reconcile):
    events.add_command(command)
