"""`laurel token`: development tokens from a local key."""

from pathlib import Path

import click

from shared.cli.values import Number
from shared.settings import Settings
from shared.web.access import ROLES, issue_token, load_or_create_key


@click.command()
@click.argument("role", type=click.Choice(sorted(ROLES)))
@click.option("--subject", default="developer", help="Who it is; appears in records.")
@click.option("--unit", help="Code of the recommending unit (role unit).")
@click.option("--undertaker", help="USCC (role undertaker).")
@click.option("--expert", help="Code of the expert (role expert).")
@click.option("--agency", help="Code of the agency (role agency).")
@click.option("--hours", default=12.0, type=Number(0.01, 24 * 30), help="Lifetime.")
def token(role: str, subject: str, hours: float, **claims: str | None) -> None:
    """Print a bearer token for ROLE, signed by the local development key (LAUREL_JWT_KEY)."""
    settings = Settings.from_environ()
    if role in ("unit", "undertaker", "expert", "agency") and not claims[role]:
        raise click.UsageError(f"role {role} needs --{role}")
    key = load_or_create_key(Path(settings.jwt_key))
    given = {name: value for name, value in claims.items() if value}
    click.echo(
        issue_token(key, settings, role=role, subject=subject, lifetime_hours=hours, **given)
    )
