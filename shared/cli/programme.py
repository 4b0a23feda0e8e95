"""`laurel programme`: check a definition, publish it."""

from pathlib import Path

import click

from shared.catalogue import INTAKE
from shared.cli.client import Services
from shared.errors import LaurelError
from shared.programme.lint import lint
from shared.settings import Settings

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def programme() -> None:
    """Programme definitions: check them, publish them."""


@programme.command()
@FILE
def check(file: Path) -> None:
    """Tell, line by line, what is wrong with a definition in YAML."""
    findings = lint(_text(file))
    for finding in findings:
        click.echo(f"{file}: {finding}")
    if findings:
        raise LaurelError(f"{file}: {len(findings)} to change")
    click.echo(f"{file}: good")


@programme.command()
@FILE
def publish(file: Path) -> None:
    """Put a definition into force; a round's later edition replaces the earlier one."""
    client = Services(Settings.from_environ(), role="official")
    answer = client.post(INTAKE, "/v1/programmes", {"yaml": _text(file)})
    click.echo(f"programme {answer['id']}, edition {answer['edition']}, is in force")


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LaurelError(f"{file}: not UTF-8 ({error})") from error
