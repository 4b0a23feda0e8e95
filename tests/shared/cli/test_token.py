"""`laurel token` prints a token that the services take."""

import base64
import json
import time

import pytest


def claims_of(token):
    body = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))


def test_a_token_names_role_subject_claim_and_lifetime(laurel):
    result = laurel("token", "unit", "--unit", "P110000", "--subject", "li", "--hours", "2")
    assert (result.code, result.err, result.out.count("\n")) == (0, "", 1)
    claims = claims_of(result.out)
    assert (claims["role"], claims["unit"], claims["sub"]) == ("unit", "P110000", "li")
    assert claims["exp"] - claims["iat"] == 7200
    assert abs(claims["iat"] - time.time()) < 60


@pytest.mark.parametrize("role", ["unit", "undertaker", "expert", "agency"])
def test_a_role_that_acts_for_someone_needs_whom(laurel, role):
    result = laurel("token", role)
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-1] == f"Error: role {role} needs --{role}"


def test_the_key_is_made_at_the_first_time_and_kept(laurel, tmp_path):
    laurel("token", "official")
    key = (tmp_path / "var" / "token-key.json").read_text()
    laurel("token", "official")
    assert (tmp_path / "var" / "token-key.json").read_text() == key


def test_a_key_file_that_is_none_is_named(laurel, tmp_path):
    (tmp_path / "key.json").write_text("no key")
    refusal = laurel("token", "official", LAUREL_JWT_KEY="key.json").refusal
    assert refusal.startswith("The key file key.json holds no JWK")


def test_services_take_the_token_and_refuse_another_s(installed, tmp_path):
    token = installed("token", "operator").out.strip()
    assert installed("events", "parked", "--json", LAUREL_TOKEN=token).code == 0
    stranger = installed("token", "operator", LAUREL_JWT_KEY=tmp_path / "other.json").out.strip()
    refusal = installed("events", "parked", LAUREL_TOKEN=stranger).refusal
    assert refusal.startswith("intake answered 401: The bearer token does not verify")
