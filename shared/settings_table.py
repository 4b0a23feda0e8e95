"""Every setting: its default, what it means, and which values it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, validate

PREFIX = "LAUREL_"
DRIVER = "postgresql+psycopg2"  # what SQLAlchemy takes a plain postgresql:// for changes with it


@dataclass(frozen=True)
class Setting:
    """One row of the table: how its value is read, its default, and what it means."""

    default: Any
    description: str
    kind: str = "str"
    check: Callable[[Any], Any] | None = None
    secret: bool = False


def _url(*schemes: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if not value:
            return
        try:
            parts = urlsplit(value.replace("{port}", "1"))
            _port = parts.port
        except ValueError as error:
            raise ValidationError(f"is no URL: {error}") from error
        if parts.scheme not in schemes:
            raise ValidationError(f"must begin with {' or '.join(s + '://' for s in schemes)}")

    return check


def _database(value: str) -> None:
    _url("sqlite", "postgresql", DRIVER)(value)
    if "{service}" not in value:
        raise ValidationError("must contain {service}: every service owns a database")


def _networks(value: str) -> None:
    try:
        networks_in(value)
    except ValueError as error:
        raise ValidationError(f"must be networks like 10.0.0.0/8: {error}") from error


def _between(low: float, high: float) -> Callable[[Any], Any]:
    return validate.Range(low, high, error=f"must be from {low:g} to {high:g}")


THIS_MACHINE = "127.0.0.0/8,::1/128"
LEVELS = ("debug", "info", "warning", "error")
TABLE: dict[str, Setting] = {
    "broker_url": Setting(
        "memory://", "RabbitMQ, or memory:// for the embedded default.", "str",
        _url("memory", "amqp", "amqps"), secret=True),
    "database_url": Setting(
        "sqlite:///var/{service}.sqlite3",
        "SQLAlchemy URL with {service} in it; SQLite only with memory://.", "str",
        _database, secret=True),
    "http_host": Setting("127.0.0.1", "Address that HTTP listens on."),
    "http_port": Setting(
        8000, "First of four consecutive ports: intake, scoring, inspection, notification.",
        "int", _between(1, 65532)),
    "service_url": Setting(
        "http://127.0.0.1:{port}",
        "Where the command line finds a service; {service} and {port} are filled in.", "str",
        _url("http", "https")),
    "public_url": Setting(
        "", "Base of the links in letters and pages; empty for notification's service URL.",
        "str", _url("http", "https")),
    "clock": Setting("system", "`system`, or the path of a rehearsal clock file."),
    "log_level": Setting(
        "info", "debug, info, warning or error.", "str",
        validate.OneOf(LEVELS, error=f"must be one of {', '.join(LEVELS)}")),
    "token": Setting("", "Bearer token that the command line sends.", secret=True),
    "jwt_key": Setting(
        "var/token-key.json", "Private key (JWK) of development tokens, made on first use."),
    "jwks_url": Setting(
        "", "Key set of a real OIDC issuer; then the development key is not trusted. Without it "
        "LAUREL_HTTP_HOST must be of this machine.", "str",
        _url("http", "https")),
    "jwt_issuer": Setting("laurel", "Expected `iss` of bearer tokens."),
    "jwt_audience": Setting("laurel", "Expected `aud` of bearer tokens."),
    "metrics_token": Setting(
        "", "Bearer token that scrapers of /metrics must send; empty: open to private networks.",
        secret=True),
    "public_writes_per_minute": Setting(
        1200, "Requests a minute that one address may send to what needs no token (agency "
        "messages, objections, logins), counted by each process; 0 for no limit.", "int",
        _between(0, 1_000_000)),
    "trusted_proxies": Setting(
        0, "How many proxies of your own stand before a service: so many entries of "
        "X-Forwarded-For, from the right, are believed.", "int", _between(0, 10)),
    "status_key": Setting(
        "var/status-key.json",
        "Private key (JWK) that signs the status list and makes the webhooks' secrets, made on "
        "first use."),
    "smtp_url": Setting(
        "smtp://127.0.0.1:25", "Mail server: smtp://, smtps:// or smtp+starttls://user:password@host.",
        "str", _url("smtp", "smtps", "smtp+starttls"), secret=True),
    "mail_from": Setting("laurel@localhost", "Sender of letters."),
    "webhook_networks": Setting(
        "", "Networks (CIDR, by commas) that webhooks may reach although they are not public; "
        "empty for none, or for this machine while LAUREL_HTTP_HOST is of this machine.", "str",
        _networks),
    "webhook_timeout_seconds": Setting(
        10.0, "How long a webhook's receiver may take.", "float", _between(0.1, 60)),
    "batch_size": Setting(200, "Events handled in one transaction.", "int", _between(1, 200)),
    "relay_window": Setting(
        500, "Messages published before their confirms are awaited.", "int", _between(1, 5000)),
    "confirm_timeout_seconds": Setting(
        10.0, "How long the broker may take to confirm a window.", "float", _between(0.1, 300)),
    "parked_attempts": Setting(
        8, "Attempts before a parked event waits for an operator.", "int", _between(1, 100)),
    "retry_base_seconds": Setting(
        1.0, "First retry delay; doubles with every attempt.", "float", _between(0.01, 3600)),
    "retry_cap_seconds": Setting(
        300.0, "Longest retry delay.", "float", _between(0.01, 86400)),
    "reconcile_seconds": Setting(
        60.0, "How often inboxes are compared with outboxes; younger events are left out.",
        "float", _between(0.1, 86400)),
    "outbox_days": Setting(
        400, "How long published events are kept for replay; inboxes remember 30 days longer.",
        "int", _between(1, 36500)),
    "parked_days": Setting(
        400, "How long settled parked events are kept.", "int", _between(1, 36500)),
}  # fmt: skip


def networks_in(value: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of a list in CIDR; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in value.split(",") if part.strip())


def settings_table() -> str:
    """The table as Markdown."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name, row in TABLE.items():
        default = f"`{row.default}`" if row.default != "" else "(empty)"
        secret = " (secret)" if row.secret else ""
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {row.description}{secret} |")
    return "\n".join(lines)
