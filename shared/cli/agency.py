"""`laurel agency`: what a third-party agency does, from its key to its receipts."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import requests

from shared.agency.kit import write_kit
from shared.agency.message import (
    REPORTED,
    AgencyMessage,
    WrongSchemaError,
    implausible,
    load_report,
    read_message,
)
from shared.agency.signing import HEADER, generate_key, load_public_key, public_part, sign
from shared.catalogue import INSPECTION, PARTNER_EVENTS
from shared.cli.client import TIMEOUT_SECONDS, Services, part
from shared.cli.values import SECONDS
from shared.errors import LaurelError
from shared.settings import Settings
from shared.spine.broker import Broker, BrokerError, Message
from shared.spine.broker.choice import broker_at
from shared.spine.broker.topology import receipts_queue
from shared.spine.envelope import CONTENT_TYPE, UndecodableError, new_id
from shared.workdays import china_date

PREFETCH = 100
BODY = click.argument("body", type=click.Path(exists=True, dir_okay=False, path_type=Path))
KEY = click.option(
    "--key",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The private key file that keygen wrote.",
)
KID = click.option("--kid", required=True, help="The id under which the key is registered.")
BROKER = click.option(
    "--broker-url", envvar="LAUREL_BROKER_URL", help="amqp(s)://… with your own broker user."
)
HTTPS = click.option("--https", "by_https", is_flag=True, help="Use HTTPS instead of the broker.")


@click.group()
def agency() -> None:
    """Sign, check and send inspection reports, and read their receipts."""


@agency.command()
@click.argument("file", type=click.Path(path_type=Path))
def keygen(file: Path) -> None:
    """Make an Ed25519 key: the private part into FILE, the public part on standard output."""
    key = generate_key()
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(key, out)
    except FileExistsError as error:
        raise LaurelError(f"{file} exists; a key is never overwritten. Name another.") from error
    except OSError as error:
        raise LaurelError(f"{file} cannot be written: {error.strerror}.") from error
    click.echo(json.dumps(public_part(key)))
    click.echo("Send the line above to the ministry to have the key registered.", err=True)


@agency.command("sign")
@BODY
@KEY
@KID
def sign_body(body: Path, key: Path, kid: str) -> None:
    """Print the laurel-signature header for the exact bytes of the file BODY."""
    click.echo(sign(body.read_bytes(), _private(key), kid))


@agency.command()
@BODY
def validate(body: Path) -> None:
    """Check BODY as the ministry will, as far as that can be told without its registers."""
    fault = _fault(body.read_bytes(), datetime.now(UTC))
    if fault:
        raise LaurelError(f"{body} would be rejected: {fault}")
    click.echo(f"{body}: nothing wrong with the message itself")


@agency.command()
@BODY
@KEY
@KID
@BROKER
@HTTPS
def publish(body: Path, key: Path, kid: str, broker_url: str | None, by_https: bool) -> None:
    """Sign BODY and send it; the broker has taken it for certain when this ends with 0."""
    content = body.read_bytes()
    message = _message(content)
    signature = sign(content, _private(key), kid)
    if by_https:
        receipt = _post(content, signature)
        click.echo(f"{receipt['status']}: {receipt['code']}. {receipt['reason']}")
        sys.exit(0 if receipt["status"] == "accepted" else 1)
    _publish(_broker(broker_url), message, content, signature)
    click.echo(f"{message.id}: taken by the broker; the receipt tells what became of it")


@agency.command()
@click.argument("code")
@BROKER
@HTTPS
@click.option(
    "--wait",
    default=1.0,
    type=SECONDS,
    show_default=True,
    help="Seconds to wait for the first one.",
)
def receipts(code: str, broker_url: str | None, by_https: bool, wait: float) -> None:
    """Print the receipts of agency CODE, one JSON object a line; from the broker each only once."""
    if by_https:
        services = Services(_own_settings(), "agency", agency=code)
        for item in services.get(INSPECTION, f"/v1/agencies/{part(code)}/receipts", limit=200)[
            "items"
        ]:
            click.echo(json.dumps(item, ensure_ascii=False))
        return
    try:
        consumer = _broker(broker_url).consumer(receipts_queue(code, INSPECTION).name, PREFETCH)
        while deliveries := consumer.receive(PREFETCH, wait):
            for delivery in deliveries:
                click.echo(delivery.body.decode())
            consumer.ack(deliveries[-1])
        consumer.close()
    except BrokerError as error:
        raise LaurelError(f"The receipts queue cannot be read: {error}.") from error


@agency.command()
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
def kit(directory: Path) -> None:
    """Write AsyncAPI document, JSON Schemas and signed samples into DIRECTORY."""
    for path in write_kit(directory):
        click.echo(path)


def _private(path: Path) -> dict[str, Any]:
    try:
        key: dict[str, Any] = json.loads(path.read_text())
        load_public_key(key)
        key["d"]
    except (LaurelError, ValueError, KeyError, TypeError) as error:
        raise LaurelError(f"{path} holds no private Ed25519 JWK; make one with keygen.") from error
    return key


def _message(content: bytes) -> AgencyMessage:
    try:
        return read_message(content, CONTENT_TYPE)
    except UndecodableError as error:
        raise LaurelError(f"undecodable: {error.detail}") from error


def _fault(content: bytes, now: datetime) -> str | None:
    try:
        message = read_message(content, CONTENT_TYPE)
        problems = []
        if message.type == REPORTED:
            problems = implausible(load_report(message.data), today=china_date(now))
    except (UndecodableError, WrongSchemaError) as error:
        return f"{error.slug}: {error.detail}"
    return f"implausible: {'; '.join(problems)}" if problems else None


def _broker(url: str | None) -> Broker:
    if not url or not _is_amqp(url):
        raise LaurelError("Name the broker with --broker-url amqp(s)://…, or send with --https.")
    return broker_at(url)


def _is_amqp(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return False
    return parts.scheme in {"amqp", "amqps"}


def _publish(broker: Broker, message: AgencyMessage, content: bytes, signature: str) -> None:
    route = f"agency.{message.agency}.{message.type.removeprefix('laurel.')}"
    out = Message(PARTNER_EVENTS, route, content, new_id(), CONTENT_TYPE, {HEADER: signature})
    try:
        publisher = broker.publisher()
        outcome = publisher.publish([out])
        publisher.close()
    except BrokerError as error:
        raise LaurelError(
            f"The broker did not take it: {error}. Send the same file again."
        ) from error
    if outcome.failure:
        raise LaurelError(f"The broker did not take it: {outcome.failure}. Send the file again.")


def _post(content: bytes, signature: str) -> Mapping[str, Any]:
    url = f"{_own_settings().url_of(INSPECTION)}/v1/agency-messages"
    headers = {HEADER: signature, "Content-Type": CONTENT_TYPE}
    answer = requests.post(url, data=content, headers=headers, timeout=TIMEOUT_SECONDS)
    try:
        told: Mapping[str, Any] = answer.json()
        return told if answer.ok else told["receipt"]
    except (ValueError, KeyError) as error:
        raise LaurelError(
            f"{url} answered {answer.status_code}; send the same file again."
        ) from error


def _own_settings() -> Settings:
    """An agency may have a broker URL and no database of ours; HTTPS needs neither."""
    given = {name: value for name, value in os.environ.items() if name != "LAUREL_BROKER_URL"}
    return Settings.from_environ(given)
