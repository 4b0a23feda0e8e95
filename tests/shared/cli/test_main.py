"""What every command has in common: exit codes 0, 1 and 2, one line, never a traceback."""

import click
import pytest

from shared.cli.main import COMMANDS
from shared.cli.main import laurel as laurel_itself
from tests.shared.cli.conftest import in_a_process

NEEDING_SETTINGS = [
    ("token", "official"),
    ("doctor",),
    ("migrate",),
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


def test_a_wrong_setting_stops_the_services_with_one_line(laurel):
    assert laurel("run", LAUREL_HTTP_PORT="eighty").refusal.startswith("LAUREL_HTTP_PORT: ")


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


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_all_says_of_each_what_it_says_itself(name):
    command = laurel_itself.get_command(click.Context(laurel_itself), name)
    assert command.get_short_help_str(200) == COMMANDS[name]


def test_help_lists_every_command(laurel):
    listed = laurel("--help").out.partition("Commands:")[2].splitlines()
    begun = [line for line in listed if line[:2] == "  " and line[2] != " "]
    assert [line.split()[0] for line in begun] == sorted(COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("token",),
        ("token", "king"),
        ("token", "unit"),
        ("token", "official", "--hours", "nan"),
        ("token", "official", "--hours", "inf"),
        ("token", "official", "--hours", "1e400"),
        ("agency", "receipts", "a", "--wait", "nan"),
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


@pytest.mark.parametrize(
    ("words", "setting", "value"),
    [
        (("token", "official"), "LAUREL_JWT_KEY", "deep.json"),
        (("token", "official"), "LAUREL_JWT_KEY", "."),
        (("token", "official"), "LAUREL_JWT_KEY", "file/key.json"),
        (("token", "official", "--subject", "\udcff"), "LAUREL_LOG_LEVEL", "info"),
        (("token", "unit", "--unit", "\udcff"), "LAUREL_LOG_LEVEL", "info"),
        (("events", "show", "\udcff"), "LAUREL_LOG_LEVEL", "info"),
        (("timeline", "\udcff"), "LAUREL_LOG_LEVEL", "info"),
        (("timeline", "2020"), "LAUREL_TOKEN", "汉"),
        (("timeline", "2020"), "LAUREL_SERVICE_URL", "http://a..b:{port}"),
        (("migrate",), "LAUREL_DATABASE_URL", "sqlite:///file/{service}.sqlite3"),
        (("agency", "kit", "file/kit"), "LAUREL_LOG_LEVEL", "info"),
        (
            ("agency", "sign", "file", "--key", "deep.json", "--kid", "k"),
            "LAUREL_LOG_LEVEL",
            "info",
        ),
        (("topology", "--definitions", "--passwords", "binary"), "LAUREL_LOG_LEVEL", "info"),
        (("topology", "--definitions", "--passwords", "nested"), "LAUREL_LOG_LEVEL", "info"),
    ],
    ids=str,
)
def test_whatever_a_command_is_given_it_ends_with_one_line(
    laurel, nobody, tmp_path, words, setting, value
):
    (tmp_path / "deep.json").write_text("[" * 60_000)
    (tmp_path / "file").write_text("x")
    (tmp_path / "binary").mkdir()
    (tmp_path / "binary" / "agency-a").write_bytes(b"\xff\xfe")
    (tmp_path / "nested" / "agency-a").mkdir(parents=True)
    refusal = laurel(*words, **(nobody | {setting: value})).refusal
    assert refusal


@pytest.mark.parametrize("setting", ["LAUREL_JWT_KEY", "LAUREL_CLOCK"])
def test_doctor_tells_of_a_file_that_nests_too_deeply(laurel, nobody, tmp_path, setting):
    (tmp_path / "deep.json").write_text("[" * 60_000)
    result = laurel("doctor", **(nobody | {setting: "deep.json"}))
    assert result.code == 1
    assert "deep.json" in result.out + result.err


def test_the_installed_program_says_the_same_as_main(tmp_path):
    result = in_a_process(tmp_path, "token", "official", LAUREL_HTTP_PORT="eighty")
    assert result.refusal == "LAUREL_HTTP_PORT: Not a valid integer."
