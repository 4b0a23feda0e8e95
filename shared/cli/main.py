"""The command line. Each group is a module of its own, imported only when it is called."""

import importlib
import sys
import warnings
from typing import Any

import click

COMMANDS = {
    "agency": "Sign, check and send inspection reports, and read their receipts.",
    "demo": "Play a whole round with invented undertakers, from application to revocation.",
    "doctor": "Check settings, clock, keys, databases, broker and services; exit 0 if all is well.",
    "draw": "Check the random draws of inspections.",
    "events": "Parked events, replay of published ones, reconciliation of both ends.",
    "migrate": "Bring the databases of some services, or all four, to this version's schema.",
    "programme": "Programme definitions: check them, publish them.",
    "run": "Run some services, or all four, until SIGTERM.",
    "status": "Ask the signed status list.",
    "timeline": "Show every event about SUBJECT (a project id) and who handled it when.",
    "token": "Print a bearer token for ROLE, signed by the local development key (LAUREL_JWT_KEY).",
    "topology": "Print every exchange and queue as JSON, or declare them before the first start.",
}
"""What each says first, told here too: asking all of them takes seconds of imports."""
ELSEWHERE = {"migrate": "run", "topology": "run"}
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
        module = importlib.import_module(f"shared.cli.{ELSEWHERE.get(cmd_name, cmd_name)}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Their names and first sentences."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


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
