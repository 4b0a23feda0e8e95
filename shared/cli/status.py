"""`laurel status`: ask the signed status list, as any outside client would."""

import json
import sys
import time
from typing import Any, NoReturn
from urllib.parse import quote

import click
import requests
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from shared.settings import Settings
from shared.status_list import REFERENCE_TYPE, TYPE, status_at

TIMEOUT_SECONDS = 10
LEEWAY_SECONDS = 30
ANSWERS = {0: "designated", 1: "not designated", 2: "suspended"}
UNKNOWN = "unknown"


class UnknownStatusError(Exception):
    """No trustworthy answer; whoever relies on the designation must not go on."""


UNTRUSTWORTHY = (UnknownStatusError, LookupError, RecursionError, TypeError, ValueError, JoseError)


@click.group()
def status() -> None:
    """Ask the signed status list."""


@status.command()
@click.argument("project")
@click.option("--url", help="Base of the public site; LAUREL_PUBLIC_URL or the local one without.")
@click.option(
    "--keys", type=click.File(), help="Key set (JWKS) kept from before, instead of the site's own."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(project: str, url: str | None, keys: Any, as_json: bool) -> None:
    """Answer designated, not designated, suspended or unknown; exit 0 for designated only."""
    base = (url or Settings.from_environ().site_url).rstrip("/")
    try:
        trusted = KeySet.import_key_set(json.load(keys)) if keys else _keys_of(base)
        answer, reason = ANSWERS[_status(base, project, trusted)], None
    except UNTRUSTWORTHY as error:
        answer, reason = UNKNOWN, str(error) or type(error).__name__
    _tell(project, answer, reason, as_json=as_json)


def _keys_of(base: str) -> KeySet:
    return KeySet.import_key_set(_get(f"{base}/.well-known/jwks.json").json())


def _status(base: str, project: str, keys: KeySet) -> int:
    shown = _get(f"{base}/v1/register/{quote(project, safe='')}").json()
    if shown["status_list"] is None:
        raise UnknownStatusError("the project has no place in the status list")
    reference = jwt.decode(shown["status_list"]["token"], keys, algorithms=["Ed25519"])
    if reference.header.get("typ") != REFERENCE_TYPE or reference.claims["sub"] != project:
        raise UnknownStatusError("the place in the status list is another project's")
    place = reference.claims["status"]["status_list"]
    index, uri = place["idx"], place["uri"]
    if (index, uri) != (shown["status_list"]["idx"], shown["status_list"]["uri"]):
        raise UnknownStatusError("the site names another place than the signed one")
    token = jwt.decode(_get(uri).content, keys, algorithms=["Ed25519"])
    return status_at(**_checked(token.header, token.claims, uri), index=index)


def _checked(header: dict[str, Any], claims: dict[str, Any], uri: str) -> dict[str, Any]:
    """The list in a token whose signature is good; raises UnknownStatusError (section 8.3)."""
    if header.get("typ") != TYPE:
        raise UnknownStatusError(f"the token's type is not {TYPE}")
    if claims["sub"] != uri:
        raise UnknownStatusError("the token is of another list")
    now = time.time()
    if claims["exp"] < now - LEEWAY_SECONDS or claims["iat"] > now + LEEWAY_SECONDS:
        raise UnknownStatusError("the token is not of the present time")
    listed = claims["status_list"]
    return {"lst": listed["lst"], "bits": listed["bits"]}


def _get(url: str) -> requests.Response:
    try:
        answer = requests.get(url, timeout=TIMEOUT_SECONDS)
    except requests.RequestException as error:
        raise UnknownStatusError(f"no answer from {url}") from error
    if not answer.ok:
        raise UnknownStatusError(f"{url} answered {answer.status_code}")
    return answer


def _tell(project: str, answer: str, reason: str | None, *, as_json: bool) -> NoReturn:
    if as_json:
        told = {"project": project, "status": answer, "reason": reason}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        click.echo(f"{project}: {answer}{f' ({reason})' if reason else ''}")
    sys.exit(0 if answer == ANSWERS[0] else 1)
