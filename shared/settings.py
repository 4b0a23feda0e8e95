"""Settings from the environment, checked at the start; settings_table.py has them all."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any

from environs import Env, EnvError
from marshmallow import ValidationError

from shared.catalogue import NOTIFICATION, SERVICES
from shared.errors import SettingError
from shared.settings_table import DRIVER, PREFIX, TABLE, THIS_MACHINE, networks_in

# kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_INJECTED = re.compile(
    "_SERVICE_HOST$|_SERVICE_PORT(_[A-Z0-9_]+)?$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$"
)
_ENDPOINT = re.compile("(tcp|udp|sctp)://")


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
    metrics_token: str = field(repr=False)
    public_writes_per_minute: int
    trusted_proxies: int
    status_key: str
    smtp_url: str = field(repr=False)
    mail_from: str
    webhook_networks: str
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
        given = _ours(os.environ if environ is None else environ)
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
    def is_local(self) -> bool:
        """Whether nobody but this machine can call us."""
        try:
            return ip_address(self.http_host).is_loopback
        except ValueError:
            return self.http_host == "localhost"

    @property
    def reachable_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks that webhooks may reach although they are not public."""
        return networks_in(self.webhook_networks or (THIS_MACHINE if self.is_local else ""))

    @property
    def site_url(self) -> str:
        """Base of the links in letters and pages."""
        return (self.public_url or self.url_of(NOTIFICATION)).rstrip("/")


def _ours(environ: Mapping[str, str]) -> dict[str, str]:
    """What was set for Laurel, without what a platform injects for a Service called laurel-..."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(PREFIX)
        and not _INJECTED.search(name)
        and not (name.endswith("_PORT") and _ENDPOINT.match(value))
    }


def _refuse_unknown(given: Mapping[str, str]) -> None:
    known = [name.upper() for name in TABLE]
    for variable in sorted(given):
        name = variable.removeprefix(PREFIX)
        if name not in known:
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
