"""What a line of text may hold, so that what is read is what is kept."""

import unicodedata
from typing import Any

from marshmallow import ValidationError, validate

# They turn the text around them, or end its line: what is read is not what is kept (UTS 39).
TRICKS = frozenset(
    map(chr, (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)))
)
BLANK = frozenset(("Cc", "Cf", "Zl", "Zp", "Zs"))


def oddities(text: str, allowed: str = "") -> list[str]:
    """The characters of a text that have no place in a line: control characters and tricks."""
    odd = (char for char in text if char in TRICKS or unicodedata.category(char) == "Cc")
    return sorted({f"U+{ord(char):04X}" for char in odd if char not in allowed})


def says_something(text: str) -> bool:
    """Whether it holds more than blanks, visible or not."""
    return any(unicodedata.category(char) not in BLANK for char in text)


class Says(validate.Length):
    """So many characters: one line, or several, that hide nothing; with any, they say something."""

    def __init__(self, least: int, most: int, *, lines: bool = False, without: str = "") -> None:
        super().__init__(least, most, error=f"must have {least} to {most} characters")
        self._allowed, self._without = "\n\r\t" if lines else "", without

    def __call__(self, value: Any) -> Any:
        """The value; raises ValidationError."""
        super().__call__(value)
        if value and not says_something(value):
            raise ValidationError("must not be blank")
        if odd := oddities(value, self._allowed):
            raise ValidationError(f"must not hold control or direction characters ({odd[0]})")
        if found := next((char for char in self._without if char in value), None):
            raise ValidationError(f"must not hold {found}")
        return value
