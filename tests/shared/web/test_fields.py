"""What a text, an address, an instant may be, in every request of every service."""

import pytest
from marshmallow import ValidationError

from shared.lines import FILENAME, LONG, SHORT, TEXT, Text
from shared.web.fields import CODE, Instant, Mail

LINES = (SHORT, TEXT, FILENAME)


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize("text", ["王伟", "O'Neill & Söhne 👩", "a.pdf", "x" * 80])
def test_a_line_is_taken_as_it_is(kind, text):
    assert kind(text) == text


@pytest.mark.parametrize("kind", LINES)
@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\tb", "a\x07b", "\x1b[31m", "gpj.\u202eexe", "\u2066a", "a\u2028b", "\u200fa"],
)
def test_what_shows_otherwise_than_it_is_kept_is_refused(kind, text):
    with pytest.raises(ValidationError, match="control or direction"):
        kind(text)


@pytest.mark.parametrize("kind", [*LINES, LONG])
@pytest.mark.parametrize(
    "text",
    [
        " ",
        "\u3000",
        "\u200b",
        "\u00a0\u2060",
        "\ufeff",
        "\u3164",
        "\u115f\u1160",
        "\uffa0",
        "\u2800",
        "\u034f",
        "\ufe0f",
        "\u17b4",
        "\u0301",
        "\ue000",
        "\u0378",
        "\U000e0041",
    ],
)
def test_a_text_that_shows_nothing_says_nothing(kind, text):
    with pytest.raises(ValidationError, match="blank"):
        kind(text)


def test_a_long_text_has_lines_and_no_tricks():
    assert LONG("one\r\n\ttwo") == "one\r\n\ttwo"
    with pytest.raises(ValidationError):
        LONG("one\x00")


@pytest.mark.parametrize("text", ["../../etc/passwd", "a/b", "a\\b"])
def test_a_file_s_name_is_no_path(text):
    with pytest.raises(ValidationError):
        FILENAME(text)


@pytest.mark.parametrize("char", "\x1c\x1f\x85\u2028\u2029")
@pytest.mark.parametrize("says", [SHORT, LONG, FILENAME])
def test_what_ends_a_line_unseen_is_refused_also_at_the_ends(says, char):
    for text in (f"{char}a", f"a{char}"):
        with pytest.raises(ValidationError):
            Text(says).deserialize(text)


@pytest.mark.parametrize(
    "text",
    [
        "..",
        ".",
        "...",
        "- -",
        "a\u200bb",
        "\ufeffa",
        "a\u00adb",
        "a\u2060b",
        "a\u3164",
        "a\U000e0041b",
    ],
)
def test_a_file_s_name_says_all_that_it_is(text):
    with pytest.raises(ValidationError):
        FILENAME(text)


def test_what_joins_letters_hides_nothing_in_a_text():
    assert TEXT("👩‍👩‍👧 می‌خواهم") == "👩‍👩‍👧 می‌خواهم"


@pytest.mark.parametrize("says", [SHORT, TEXT, LONG])
def test_a_text_is_kept_without_the_blanks_around_it(says):
    assert Text(says).deserialize(" \u3000王伟 \u00a0") == "王伟"
    with pytest.raises(ValidationError):
        Text(says).deserialize(" \n ")


@pytest.mark.parametrize("text", ["a/b", "", "x" * 41, "a b", "é", ".."])
def test_a_code_can_stand_in_a_path(text):
    with pytest.raises(ValidationError):
        CODE(text)


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "1899-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "2020-01-01T00:00:00",
    ],
)
def test_an_instant_is_of_a_year_that_everybody_knows(text):
    with pytest.raises(ValidationError):
        Instant().deserialize(text)


@pytest.mark.parametrize("text", ["li@example.org", "li@例子.中国"])
def test_an_address_is_kept_as_it_is_written(text):
    assert Mail().deserialize(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "x" * 65 + "@b.org",
        f"li@{'a.' * 150}org",
        "x" * 500_000 + "@b.org",
        "李@例子.中国",
        "li@",
        "li@ex\u202eample.org",
        f"li@{'例' * 60}.中国",
        "li@a..b",
        "a\n@b.org",
    ],
)
def test_an_address_that_no_letter_reaches_is_refused(text):
    with pytest.raises(ValidationError):
        Mail().deserialize(text)
