"""Settings from the environment: one table, checked at the start, shown in the documents."""

import difflib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlsplit

from environs import Env, EnvError
from marshmallow import ValidationError, validate

from shared.catalogue import NOTIFICATION, SERVICES
from shared.errors import SettingError

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


def _between(low: float, high: float) -> Callable[[Any], Any]:
    return validate.Range(low, high, error=f"must be from {low:g} to {high:g}")


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
        "", "Key set of a real OIDC issuer; then the development key is not trusted.", "str",
        _url("http", "https")),
    "jwt_issuer": Setting("laurel", "Expected `iss` of bearer tokens."),
    "jwt_audience": Setting("laurel", "Expected `aud` of bearer tokens."),
    "status_key": Setting(
        "var/status-key.json", "Private key (JWK) that signs the status list, made on first use."),
    "smtp_url": Setting(
        "smtp://127.0.0.1:25", "Mail server: smtp://, smtps:// or smtp+starttls://user:password@host.",
        "str", _url("smtp", "smtps", "smtp+starttls"), secret=True),
    "mail_from": Setting("laurel@localhost", "Sender of letters."),
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


@dataclass(frozen=True)
class Settings:
    """The values, checked; see TABLE for what each means. Secrets do not appear in its repr."""

    broker_url: str = field(repr=False)
    database_url: str = field(repr=False)
    http_host: str
    http_port: int
    service_url: str
    public_url: str
    clock: str
    log_level: str
    token: str = field(repr=False)
    jwt_key: str
    jwks_url: str
    jwt_issuer: str
    jwt_audience: str
    status_key: str
    smtp_url: str = field(repr=False)
    mail_from: str
    webhook_timeout_seconds: float
    batch_size: int
    relay_window: int
    confirm_timeout_seconds: float
    parked_attempts: int
    retry_base_seconds: float
    retry_cap_seconds: float
    reconcile_seconds: float
    outbox_days: int
    parked_days: int

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read and check everything; raises SettingError with one line for the first fault."""
        given = dict(os.environ if environ is None else environ)
        _refuse_unknown(given)
        values = {item.name: _read(given, item.name) for item in fields(cls)}
        values["database_url"] = re.sub("^postgresql:", f"{DRIVER}:", values["database_url"])
        settings = cls(**values)
        if not settings.broker_url.startswith("memory:") and settings.database_url.startswith(
            "sqlite"
        ):
            raise SettingError(
                "LAUREL_DATABASE_URL: SQLite belongs to one process and goes with memory:// only; "
                "with a real broker set a postgresql:// URL."
            )
        return settings

    def http_port_of(self, service: str) -> int:
        """The port that the service listens on."""
        return self.http_port + SERVICES.index(service)

    def url_of(self, service: str) -> str:
        """Where the service is found, without a slash at the end."""
        port = str(self.http_port_of(service))
        return self.service_url.replace("{service}", service).replace("{port}", port).rstrip("/")

    @property
    def site_url(self) -> str:
        """Base of the links in letters and pages."""
        return (self.public_url or self.url_of(NOTIFICATION)).rstrip("/")


def settings_table() -> str:
    """The table as Markdown."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for name, row in TABLE.items():
        default = f"`{row.default}`" if row.default != "" else "(empty)"
        secret = " (secret)" if row.secret else ""
        lines.append(f"| `{PREFIX}{name.upper()}` | {default} | {row.description}{secret} |")
    return "\n".join(lines)


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [name.upper() for name in TABLE]
    for variable in sorted(given):
        name = variable.removeprefix(PREFIX)
        if variable.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {PREFIX}{near[0]}?" if near else "; see the settings table."
            raise SettingError(f"{variable}: there is no such setting{hint}")


def _read(given: Mapping[str, str], name: str) -> Any:
    row = TABLE[name]
    variable = PREFIX + name.upper()
    text = given.get(variable)
    if text is not None and row.default != "" and not text.strip():
        raise SettingError(f"{variable}: must not be empty; leave it out for {row.default}")
    if text is not None and not text.isprintable():
        raise SettingError(f"{variable}: must be one line of printable characters")
    try:
        return getattr(_Given(given), row.kind)(variable, row.default, validate=row.check)
    except (EnvError, ValidationError) as error:
        reason = "; ".join(getattr(error, "error_messages", None) or [str(error)])
        raise SettingError(f"{variable}: {reason}") from error


class _Given(Env):
    """environs, reading the given mapping, so that a test or a demo need not export anything."""

    def __init__(self, given: Mapping[str, str]) -> None:
        super().__init__(eager=True)
        self._given = given

    def _get_value(self, env_key: str, default: Any) -> Any:
        return self._given.get(env_key, default)
