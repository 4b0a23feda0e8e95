"""What a text may hold, so that what is read is what is kept: one rule for all services."""

import unicodedata
from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

# They turn the text around them, or end its line: what is read is not what is kept (UTS 39).
TRICKS = frozenset(
    map(chr, (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)))
)
# Letters and symbols by category that show nothing: fillers of Hangul, an empty pattern of Braille.
UNSEEN = frozenset(map(chr, (0x115F, 0x1160, 0x2800, 0x3164, 0xFFA0)))
# What chooses between shapes of a letter: not seen either (Unicode, Default_Ignorable).
CHOOSERS = frozenset(
    map(chr, (0x34F, 0x17B4, 0x17B5, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
SLASHES = "/\\\u2044\u2215\u29f5\u29f8\u29f9\uff0f\uff3c"
BLANKS = "".join(char for char in map(chr, range(0x3001)) if unicodedata.category(char) == "Zs")


def oddities(text: str, allowed: str = "") -> list[str]:
    """The characters of a text that have no place in a line: control characters and tricks."""
    odd = (char for char in text if char in TRICKS or unicodedata.category(char) == "Cc")
    return sorted({f"U+{ord(char):04X}" for char in odd if char not in allowed})


def says_something(text: str) -> bool:
    """Whether it holds a letter, digit, sign or symbol that can be seen."""
    return any(unicodedata.category(char)[0] in "LNPS" and char not in UNSEEN for char in text)


def _is_unseen(char: str) -> bool:
    return char in UNSEEN or char in CHOOSERS or unicodedata.category(char) in ("Cf", "Cn", "Co")


class Says(validate.Length):
    """So many characters: one line, or several, that hide nothing; with any, they say something."""

    def __init__(self, least: int, most: int, *, lines: bool = False) -> None:
        super().__init__(least, most, error=f"must have {least} to {most} characters")
        self.allowed = "\n\r\t" if lines else ""

    def __call__(self, value: Any) -> Any:
        """The value; raises ValidationError."""
        super().__call__(value)
        if value and not says_something(value):
            raise ValidationError("must not be blank")
        if odd := oddities(value, self.allowed):
            raise ValidationError(f"must not hold control or direction characters ({odd[0]})")
        return value


class Names(Says):
    """A file's name: no path, no place of a folder, nothing in it that cannot be seen."""

    def __call__(self, value: Any) -> Any:
        """The value; raises ValidationError."""
        super().__call__(value)
        if found := next((char for char in SLASHES if char in value), None):
            raise ValidationError(f"must not hold {found}")
        if found := next(filter(_is_unseen, value), None):
            raise ValidationError(f"must not hold what cannot be seen (U+{ord(found):04X})")
        if not any(map(str.isalnum, value)):
            raise ValidationError("must hold a letter or a digit")
        return value


SHORT, TEXT, FILENAME = Says(1, 80), Says(1, 200), Names(1, 200)
SHA256 = validate.Regexp(r"[0-9a-f]{64}\Z", error="must be 64 lower-case hexadecimal digits")
LONG, REMARK = Says(1, 5000, lines=True), Says(0, 5000, lines=True)


class Text(fields.String):
    """Text as it is kept: without blanks around it, and saying something."""

    def __init__(self, says: Says, *, validate: Any = (), **more: Any) -> None:
        super().__init__(validate=[says, *validate], **more)
        self._blanks = BLANKS + says.allowed

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        return str(super()._deserialize(value, attr, data, **more)).strip(self._blanks)
