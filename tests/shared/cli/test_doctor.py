"""`laurel doctor`: every point, good or bad, with what to do about it."""

import pytest

from shared.catalogue import SERVICES

CHECKS = [
    "settings", "clock", *(f"database of {name}" for name in SERVICES), "broker",
    *(f"service {name}" for name in SERVICES),
]  # fmt: skip


def outcomes(result):
    return {
        item["check"]: item["ok"] for item in result.json["checks"] if item["check"][:3] != "key"
    }


def details(result):
    return {item["check"]: item["detail"] for item in result.json["checks"]}


def test_an_installation_that_runs_is_well(installed):
    result = installed("doctor", "--json")
    assert (result.code, result.json["ok"]) == (0, True)
    assert outcomes(result) == dict.fromkeys(CHECKS, True)
    words = installed("doctor")
    assert (words.code, words.err) == (0, "")
    assert {line[:6] for line in words.out.splitlines()} == {"ok    "}


def test_an_empty_directory_has_neither_databases_nor_services(laurel, nobody):
    result = laurel("doctor", "--json", **nobody)
    assert (result.code, result.json["ok"]) == (1, False)
    assert [check for check, ok in outcomes(result).items() if ok] == [
        "settings",
        "clock",
        "broker",
    ]
    assert details(result)["service scoring"].endswith("start it with: laurel run scoring")


def test_a_database_without_schema_says_the_command(laurel, nobody):
    laurel("migrate", "scoring")
    found = details(laurel("doctor", "--json", **nobody))
    assert found["database of scoring"] == "answers, with this version's schema"
    assert found["database of intake"].endswith("Run: laurel migrate intake")


def test_of_services_that_are_named_no_other_is_looked_at(laurel, nobody):
    laurel("migrate", "scoring")
    found = outcomes(laurel("doctor", "scoring", "--json", **nobody))
    assert [check for check in found if "scoring" in check] == [
        "database of scoring", "service scoring",
    ]  # fmt: skip
    assert found["database of scoring"]
    assert not [check for check in found if "intake" in check]


def test_broker_and_databases_that_do_not_answer_are_told_apart(laurel, nobody):
    result = laurel(
        "doctor",
        "--json",
        **nobody,
        LAUREL_BROKER_URL="amqp://guest:guest@127.0.0.1:1/",
        LAUREL_DATABASE_URL="postgresql://laurel@127.0.0.1:1/{service}",
    )
    found = details(result)
    assert result.code == 1
    assert found["database of intake"] == (
        "it does not answer; check LAUREL_DATABASE_URL and that it runs."
    )
    assert "Check LAUREL_BROKER_URL and that it runs" in found["broker"]


@pytest.mark.parametrize(
    ("mode", "text", "words"),
    [
        (0o644, None, "others can read this private key; run: chmod 600 "),
        (0o600, "no key", "holds no JWK"),
    ],
)
def test_a_key_that_others_can_read_or_that_is_none_is_found(
    laurel, nobody, tmp_path, mode, text, words
):
    laurel("token", "official", LAUREL_JWT_KEY="key.json")
    if text is not None:
        (tmp_path / "key.json").write_text(text)
    (tmp_path / "key.json").chmod(mode)
    found = details(laurel("doctor", "--json", **nobody, LAUREL_JWT_KEY="key.json"))
    assert words in found["key key.json"]
