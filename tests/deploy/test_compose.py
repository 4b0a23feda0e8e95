"""Dockerfile and compose file: what they copy is there, what they set exists, who runs as whom."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from ruamel.yaml import YAML

from shared.catalogue import SERVICES
from shared.cli.main import laurel
from shared.settings import PREFIX, TABLE, Settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE = YAML(typ="safe").load(TEXT)
PARTS = COMPOSE["services"]
KNOWN = {PREFIX + name.upper() for name in TABLE}
GIVEN = {
    "LAUREL_JWKS_URL": "https://issuer.example/jwks.json",
    "LAUREL_SMTP_URL": "smtp://mail.example",
}
VARIABLE = re.compile(r"\$\{(\w+)(:[?-][^}]+)?\}")


def filled(value):
    """A value as compose passes it on, its variables filled in."""

    def fill(found):
        kind = (found[2] or "")[:2]
        return GIVEN.get(found[1], found[2][2:] if kind == ":-" else "secret")

    return VARIABLE.sub(fill, value)


def settings_of(service):
    return Settings.from_environ(
        {name: filled(value) for name, value in PARTS[service]["environment"].items()}
    )


def ignored():
    return {line.strip("/") for line in (ROOT / ".dockerignore").read_text().splitlines()}


def test_what_the_image_copies_is_there_and_is_sent_to_the_builder():
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split()}
    assert {name for name in names if not (ROOT / name).exists()} == set()
    assert names & ignored() == set()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {
        name.strip("*") for name in project["tool"]["setuptools"]["packages"]["find"]["include"]
    }
    assert {*packages, project["project"]["readme"], *project["project"]["license-files"]} <= names


def test_the_image_runs_laurel_as_a_user_without_rights_of_a_python_that_is_supported():
    assert re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE) == ["10001:10001"]
    assert "useradd --uid 10001 --gid 10001" in DOCKERFILE
    assert 'ENTRYPOINT ["laurel"]' in DOCKERFILE
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"python:3.11-slim"}
    assert set(re.findall(rf"{PREFIX}\w+", DOCKERFILE)) <= KNOWN


def test_the_image_takes_only_what_the_lock_has_the_hash_of():
    assert "--require-hashes -r requirements.lock" in DOCKERFILE
    assert "install --no-cache-dir --no-index" in DOCKERFILE


def test_every_variable_has_a_default_or_stops_compose():
    found = VARIABLE.findall(TEXT)
    assert found
    assert [name for name, rest in found if not rest] == []
    assert {name for name, _ in found if name.startswith(PREFIX)} <= KNOWN


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_good_settings_and_its_own_broker_user(service):
    settings = settings_of(service)
    port = settings.http_port_of(service)
    broker = urlsplit(settings.broker_url)
    assert (broker.username, broker.hostname, broker.path) == (service, "broker", "/laurel")
    assert settings.url_of(service) == f"http://{service}:{port}"
    assert PARTS[service]["command"] == f"run {service}"
    assert PARTS[service]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert (
        f"BROKER_PASSWORD_{service.upper()}" in PARTS[service]["environment"]["LAUREL_BROKER_URL"]
    )


def test_the_migration_comes_first_and_waits_for_all_four_databases():
    assert settings_of("migrate").database_url.endswith("@database:5432/{service}")
    for service in SERVICES:
        assert PARTS[service]["depends_on"] == {
            "migrate": {"condition": "service_completed_successfully"}
        }
    assert PARTS["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "-h 127.0.0.1" in PARTS["database"]["healthcheck"]["test"]
    made = re.findall(r"CREATE DATABASE (\w+);", (DEPLOY / "postgres/databases.sql").read_text())
    assert made == list(SERVICES)


def test_the_broker_begins_with_the_generated_definitions_and_a_password_for_each_service():
    shell, flag, line = PARTS["definitions"]["entrypoint"]
    words = line.split()
    assert (shell, flag, words[0]) == ("sh", "-c", "laurel")
    options = words[2 : words.index(">")]
    options[options.index("/run/secrets")] = str(ROOT)
    laurel.get_command(None, words[1]).make_context(words[1], options)
    assert PARTS["definitions"]["secrets"] == list(SERVICES)
    told = {name: COMPOSE["secrets"][name] for name in SERVICES}
    assert told == {name: {"environment": f"BROKER_PASSWORD_{name.upper()}"} for name in SERVICES}
    loaded = re.search(
        r"^load_definitions = (.+)$", (DEPLOY / "rabbitmq/rabbitmq.conf").read_text(), re.MULTILINE
    )
    assert words[-1] == loaded[1]
    assert "environment" not in PARTS["broker"]


def test_every_file_that_is_mounted_is_there_and_only_reading():
    mounts = [v for part in PARTS.values() for v in part.get("volumes", []) if v.startswith("./")]
    assert [mount for mount in mounts if not (DEPLOY / mount.split(":")[0]).exists()] == []
    assert [mount for mount in mounts if not mount.endswith(":ro")] == []
    named = {v.split(":")[0] for part in PARTS.values() for v in part.get("volumes", [])}
    assert {name for name in named if not name.startswith("./")} == set(COMPOSE["volumes"])


def test_what_holds_state_keeps_it_when_it_is_made_again():
    assert PARTS["broker"]["hostname"] == "broker"
    for name in ("broker", "database"):
        assert any(volume.startswith(f"{name}:") for volume in PARTS[name]["volumes"])


def test_private_keys_of_operators_stay_out_of_the_repository():
    kept_out = (DEPLOY / ".gitignore").read_text().splitlines()
    place = Path(COMPOSE["secrets"]["status-key"]["file"]).parts[0]
    assert {f"{place}/", ".env"} <= set(kept_out)
    assert settings_of("notification").status_key == "/run/secrets/status-key"
    holders = [name for name in SERVICES if "status-key" in PARTS[name].get("secrets", [])]
    assert holders == ["notification"]
