"""The command line. Each group is a module of its own, imported only when it is called."""

import importlib
import sys
import warnings
from typing import Any

import click

COMMANDS = {
    "agency": "shared.cli.agency:agency",
    "demo": "shared.cli.demo:demo",
    "doctor": "shared.cli.doctor:doctor",
    "draw": "shared.cli.draw:draw",
    "events": "shared.cli.events:events",
    "migrate": "shared.cli.run:migrate",
    "programme": "shared.cli.programme:programme",
    "run": "shared.cli.run:run",
    "status": "shared.cli.status:status",
    "timeline": "shared.cli.timeline:timeline",
    "token": "shared.cli.token:token",
    "topology": "shared.cli.run:topology",
}
GREEN = {"run", "demo"}


class Commands(click.Group):
    """Finds a command's module when it is called for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All of them, by name."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command, or None for click's own message."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="laurel")
def laurel() -> None:
    """Programmes that award a public designation and must be able to take it back."""


def main(arguments: list[str] | None = None) -> Any:
    """Run one command; a refusal is one line on standard error and exit code 1."""
    warnings.filterwarnings("ignore", r"\s*Eventlet is deprecated")  # ARCHITECTURE.md weighs it
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in GREEN:
        import eventlet  # noqa: PLC0415 - patched before anything else is imported

        eventlet.monkey_patch()
    from requests import RequestException  # noqa: PLC0415 - after the patch
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415 - after the patch

    from shared.errors import LaurelError  # noqa: PLC0415 - after the patch

    try:
        laurel.main(words, prog_name="laurel")
    except LaurelError as error:
        sys.exit(f"laurel: {error.detail}")
    except RequestException as error:
        sys.exit(f"laurel: no answer: {error}. Are the services running (laurel run)?")
    except SQLAlchemyError as error:
        sys.exit(f"laurel: database: {str(error).splitlines()[0]}")
    except (OSError, ValueError, RecursionError) as error:  # of what it was given, or met
        words = str(error).encode("utf-8", "backslashreplace").decode().splitlines()
        sys.exit(f"laurel: {type(error).__name__}: {words[0] if words else 'no words'}")
