"""Every wrong value stops the start with one clear line; no secret shows."""

import dataclasses
import traceback

import pytest

from shared.errors import SettingError
from shared.settings import Settings
from shared.settings_table import TABLE, settings_table

POSTGRES = "postgresql://laurel:p4ss@db/{service}"


def refused(environ):
    with pytest.raises(SettingError) as refusal:
        Settings.from_environ(environ)
    assert "\n" not in refusal.value.detail
    return refusal.value.detail


def test_nothing_set_gives_the_embedded_default():
    settings = Settings.from_environ({})
    assert settings.broker_url == "memory://"
    assert settings.database_url == "sqlite:///var/{service}.sqlite3"
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8000)
    assert settings.clock == "system"


def test_what_is_set_is_read_with_its_type():
    settings = Settings.from_environ(
        {
            "LAUREL_HTTP_PORT": "9000",
            "LAUREL_WEBHOOK_TIMEOUT_SECONDS": "2.5",
            "LAUREL_LOG_LEVEL": "debug",
            "LAUREL_BROKER_URL": "amqps://laurel:p4ss@broker/prod",
            "LAUREL_DATABASE_URL": POSTGRES,
            "PATH": "is not ours",
        }
    )
    assert (settings.http_port, settings.webhook_timeout_seconds) == (9000, 2.5)
    assert settings.log_level == "debug"
    assert settings.broker_url == "amqps://laurel:p4ss@broker/prod"


def test_the_real_environment_is_read_when_none_is_given(monkeypatch):
    monkeypatch.setenv("LAUREL_JWT_ISSUER", "https://issuer.example")
    assert Settings.from_environ().jwt_issuer == "https://issuer.example"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("HTTP_PORT", "eighty", "Not a valid integer."),
        ("HTTP_PORT", "80.5", "Not a valid integer."),
        ("HTTP_PORT", "0", "must be from 1 to 65532"),
        ("HTTP_PORT", "65533", "must be from 1 to 65532"),
        ("HTTP_PORT", "", "must not be empty; leave it out for 8000"),
        ("WEBHOOK_TIMEOUT_SECONDS", "0", "must be from 0.1 to 60"),
        ("WEBHOOK_TIMEOUT_SECONDS", "long", "Not a valid number."),
        (
            "WEBHOOK_TIMEOUT_SECONDS",
            "nan",
            "Special numeric values (nan or infinity) are not permitted.",
        ),
        ("BATCH_SIZE", "201", "must be from 1 to 200"),
        ("RELAY_WINDOW", "0", "must be from 1 to 5000"),
        ("CONFIRM_TIMEOUT_SECONDS", "301", "must be from 0.1 to 300"),
        ("PARKED_ATTEMPTS", "0", "must be from 1 to 100"),
        ("RETRY_BASE_SECONDS", "0", "must be from 0.01 to 3600"),
        ("RETRY_CAP_SECONDS", "86401", "must be from 0.01 to 86400"),
        ("LOG_LEVEL", "loud", "must be one of debug, info, warning, error"),
        ("BROKER_URL", "redis://localhost", "must begin with memory:// or amqp:// or amqps://"),
        ("BROKER_URL", "", "must not be empty; leave it out for memory://"),
        ("BROKER_URL", "amqp://host:99999/", "is no URL: Port out of range 0-65535"),
        (
            "DATABASE_URL",
            "mysql://db/{service}",
            "must begin with sqlite:// or postgresql:// or postgresql+psycopg2://",
        ),
        (
            "DATABASE_URL",
            "sqlite:///var/laurel.sqlite3",
            "must contain {service}: every service owns a database",
        ),
        ("SERVICE_URL", "localhost:8000", "must begin with http:// or https://"),
        ("PUBLIC_URL", "http://[half", "is no URL: Invalid IPv6 URL"),
        ("JWKS_URL", "file:///keys", "must begin with http:// or https://"),
        ("SMTP_URL", "mail.example", "must begin with smtp:// or smtps:// or smtp+starttls://"),
        (
            "MAIL_FROM",
            "laurel@example.org\r\nBcc: all@example.org",
            "must be one line of printable characters",
        ),
        ("STATUS_KEY", "  ", "must not be empty; leave it out for var/status-key.json"),
    ],
)
def test_a_wrong_value_is_one_line_that_names_the_setting_and_the_fault(name, value, reason):
    assert refused({f"LAUREL_{name}": value}) == f"LAUREL_{name}: {reason}"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("LAUREL_BROKER_URI", "; did you mean LAUREL_BROKER_URL?"),
        ("LAUREL_BROKERURL", "; did you mean LAUREL_BROKER_URL?"),
        ("LAUREL_HTTP_PROT", "; did you mean LAUREL_HTTP_PORT?"),
        ("LAUREL_COLOUR_OF_THE_SKY", "; see the settings table."),
    ],
)
def test_an_unknown_setting_is_refused_with_a_hint(name, hint):
    assert refused({name: "x"}) == f"{name}: there is no such setting{hint}"


def test_sqlite_goes_with_the_memory_broker_only():
    assert refused({"LAUREL_BROKER_URL": "amqp://broker/"}) == (
        "LAUREL_DATABASE_URL: SQLite belongs to one process and goes with memory:// only; "
        "with a real broker set a postgresql:// URL."
    )
    Settings.from_environ({"LAUREL_DATABASE_URL": POSTGRES})


def test_secrets_are_absent_from_the_repr_and_everything_else_is_in_it():
    secrets = {
        "LAUREL_BROKER_URL": "amqp://laurel:s3cret-broker@broker/",
        "LAUREL_DATABASE_URL": "postgresql://laurel:s3cret-database@db/{service}",
        "LAUREL_TOKEN": "s3cret-token",
        "LAUREL_SMTP_URL": "smtp://laurel:s3cret-mail@mail/",
    }
    shown = repr(Settings.from_environ(secrets))
    assert "s3cret" not in shown
    hidden = {field.name for field in dataclasses.fields(Settings) if not field.repr}
    assert hidden == {name for name, row in TABLE.items() if row.secret}
    for name in TABLE.keys() - hidden:
        assert f"{name}=" in shown


def test_a_wrong_secret_is_not_told_in_its_error():
    url = "postgres://laurel:s3cret@db/{service}"
    with pytest.raises(SettingError) as refusal:
        Settings.from_environ({"LAUREL_DATABASE_URL": url})
    assert "s3cret" not in "".join(traceback.format_exception(refusal.value))


def test_every_setting_has_its_row_in_the_table_of_the_documents():
    rows = settings_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [f"LAUREL_{name.upper()}" for name in TABLE]
    assert {field.name for field in dataclasses.fields(Settings)} == set(TABLE)
    assert all(row.description.endswith(".") for row in TABLE.values())
    assert sum(row.endswith("(secret) |") for row in rows) == 5


def test_the_four_services_listen_on_four_ports_in_a_row():
    settings = Settings.from_environ({"LAUREL_HTTP_PORT": "9000"})
    ports = [settings.http_port_of(name) for name in ("intake", "scoring", "inspection")]
    assert ports == [9000, 9001, 9002]
    assert settings.url_of("scoring") == "http://127.0.0.1:9001"


def test_services_are_found_by_name_and_port_in_the_service_url():
    settings = Settings.from_environ({"LAUREL_SERVICE_URL": "http://{service}.laurel:{port}/"})
    assert settings.url_of("inspection") == "http://inspection.laurel:8002"


@pytest.mark.parametrize(
    ("public", "site"),
    [("", "http://127.0.0.1:8003"), ("https://laurel.example/", "https://laurel.example")],
)
def test_links_lead_to_the_public_url_or_else_to_notification(public, site):
    assert Settings.from_environ({"LAUREL_PUBLIC_URL": public}).site_url == site


@pytest.mark.parametrize("service", ["RABBITMQ", "HTTP", "INTAKE_API", "2"])
def test_what_a_platform_injects_for_a_service_called_laurel_is_not_ours(service):
    link = f"LAUREL_{service}_PORT_5672_TCP"
    injected = {
        f"LAUREL_{service}_SERVICE_HOST": "10.0.0.1",
        f"LAUREL_{service}_SERVICE_PORT": "5672",
        f"LAUREL_{service}_SERVICE_PORT_AMQP": "5672",
        f"LAUREL_{service}_PORT": "tcp://10.0.0.1:5672",
        link: "tcp://10.0.0.1:5672",
        f"{link}_PROTO": "tcp",
        f"{link}_PORT": "5672",
        f"{link}_ADDR": "10.0.0.1",
        "LAUREL_SERVICE_HOST": "10.0.0.1",
        "LAUREL_PORT": "tcp://10.0.0.1:80",
    }
    assert Settings.from_environ(injected) == Settings.from_environ({})


def test_loopback_may_have_webhooks_while_nobody_else_can_call_us():
    def ranges(**environ):
        settings = Settings.from_environ({f"LAUREL_{k}": v for k, v in environ.items()})
        return [str(network) for network in settings.reachable_networks]

    assert ranges() == ranges(HTTP_HOST="localhost") == ["127.0.0.0/8", "::1/128"]
    assert ranges(HTTP_HOST="0.0.0.0") == ranges(HTTP_HOST="intake.example") == []
    assert ranges(HTTP_HOST="0.0.0.0", WEBHOOK_NETWORKS="10.0.0.0/8, fd00::/8") == [
        "10.0.0.0/8", "fd00::/8",
    ]  # fmt: skip
    assert "must be networks like 10.0.0.0/8" in refused({"LAUREL_WEBHOOK_NETWORKS": "10.0.0.1/8"})
