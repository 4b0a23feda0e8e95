"""What every command has in common: exit codes 0, 1 and 2, one line, never a traceback."""

import pytest

from shared.cli.main import COMMANDS
from tests.shared.cli.conftest import in_a_process

NEEDING_SETTINGS = [
    ("token", "official"),
    ("doctor",),
    ("migrate",),
    ("run",),
    ("timeline", "2020"),
    ("events", "parked"),
    ("topology", "--declare"),
    ("status", "verify", "P-1"),
]
WRONG = {
    "LAUREL_HTTP_PORT": "eighty",
    "LAUREL_HTTP_PROT": "8000",
    "LAUREL_LOG_LEVEL": "loud",
    "LAUREL_BROKER_URL": "amqp://host:port",
    "LAUREL_DATABASE_URL": "postgresql://host:port/{service}",
    "LAUREL_SMTP_URL": "http://mail.example",
    "LAUREL_RETRY_CAP_SECONDS": "0",
}
NEEDING_SERVICES = [
    ("timeline", "2020"),
    ("events", "parked"),
    ("events", "show", "x"),
    ("events", "retry", "x"),
    ("events", "discard", "x", "--reason", "no use"),
    ("agency", "receipts", "agency-a", "--https"),
]


@pytest.mark.parametrize("words", NEEDING_SETTINGS, ids=" ".join)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_setting_stops_every_command_with_one_line(laurel, words, name):
    assert laurel(*words, **{name: WRONG[name]}).refusal.startswith(f"{name}: ")


@pytest.mark.parametrize("words", NEEDING_SERVICES, ids=" ".join)
def test_without_the_services_a_command_says_which_it_missed(laurel, nobody, words):
    refusal = laurel(*words, **nobody).refusal
    assert refusal.endswith("Is it running (laurel run)?")
    first = int(nobody["LAUREL_HTTP_PORT"])
    assert any(f"at http://127.0.0.1:{first + number}." in refusal for number in range(4))


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("--version",)])
def test_help_and_version_end_with_0(laurel, words):
    result = laurel(*words)
    assert (result.code, result.err) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_what_it_does(laurel, command):
    result = laurel(command, "--help")
    assert (result.code, result.err) == (0, "")
    assert len(result.out.splitlines()) > 3


def test_help_lists_every_command(laurel):
    listed = laurel("--help").out.partition("Commands:")[2].splitlines()
    assert [line.split()[0] for line in listed if line] == sorted(COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("token",),
        ("token", "king"),
        ("token", "unit"),
        ("events", "parked", "--state", "lost"),
        ("events", "parked", "--limit", "0"),
        ("events", "parked", "--service", "billing"),
        ("events", "discard", "x"),
        ("programme", "check", "no-such-file"),
        ("draw", "verify", "no-such-file"),
        ("run", "billing"),
        ("run", "intake"),
        ("timeline",),
        ("status", "verify"),
        ("agency", "sign", "no-such-file", "--key", "k", "--kid", "k"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_says_how_it_is_used(laurel, words):
    result = laurel(*words)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Usage: laurel")
    assert "\nError: " in result.err


def test_the_installed_program_says_the_same_as_main(tmp_path):
    result = in_a_process(tmp_path, "token", "official", LAUREL_HTTP_PORT="eighty")
    assert result.refusal == "LAUREL_HTTP_PORT: Not a valid integer."
