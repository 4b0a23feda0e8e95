"""`laurel demo`: a whole round through the public doors, and what the ledgers say at the end."""

import json
import threading
import time

import click
from rich.console import Console

from shared.catalogue import SERVICES
from shared.cli.demo.receivers import receiving
from shared.cli.demo.round import play
from shared.cli.demo.screen import Screen, show
from shared.cli.demo.stage import HOME, smtp_port, stage
from shared.settings import Settings


@click.command()
@click.option("--applications", default=340, show_default=True, type=click.IntRange(1, 20_000))
@click.option("--seed", default=2020, show_default=True, help="The same seed, the same round.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@click.option("--no-serve", is_flag=True, help="End after the round.")
@click.pass_context
def demo(
    context: click.Context, applications: int, seed: int, as_json: bool, no_serve: bool
) -> None:
    """Play a whole round with invented undertakers, from application to revocation.

    Without LAUREL_BROKER_URL on an embedded stack of its own, made fresh under var/demo; with it
    on the services that run there. Exit code 1 if anything was lost or done twice.
    """
    began = time.monotonic()
    with stage() as settings, receiving(smtp_port(settings)) as receivers:
        with Screen() as screen:
            outcome = play(settings, receivers, screen, applications, seed, began)
        if as_json:
            click.echo(json.dumps(outcome.as_dict(), ensure_ascii=False))
        else:
            show(outcome, Console())
        is_embedded = settings.broker_url.startswith("memory:")
        screen.say(_where_to_look(settings, is_embedded))
        if is_embedded and not no_serve:
            screen.say("The services go on running; Ctrl-C ends them.")
            _serve()
    context.exit(0 if outcome.lost == outcome.duplicates == 0 else 1)


def _where_to_look(settings: Settings, is_embedded: bool) -> str:
    lines = [f"Public register: {settings.site_url}/"]
    lines += [f"{name} API: {settings.url_of(name)}/openapi.json" for name in SERVICES]
    if is_embedded:
        lines.append(f"In another shell: set -a; . {HOME}/demo.env; set +a; laurel timeline ...")
        lines.append(f"Log and databases: {HOME}/ (the next demo starts afresh)")
    return "\n".join(lines)


def _serve() -> None:
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        return
