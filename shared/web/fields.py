"""What the schemas of several services have in common: kinds of text, and identifiers.

A text that says something is never blank, so that no two services hold different rules for it.
"""

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate

from shared import uscc


class Says(validate.Length):
    """So many characters, and not only blanks."""

    def __call__(self, value: Any) -> Any:
        """The value; raises ValidationError."""
        super().__call__(value)
        if not value.strip():
            raise ValidationError("must not be blank")
        return value


TEXT = Says(1, 200, error="must have 1 to 200 characters")
LONG = Says(1, 5000, error="must have 1 to 5000 characters")
SHA256 = validate.Regexp(r"[0-9a-f]{64}\Z", error="must be 64 lower-case hexadecimal digits")


class Uscc(fields.String):
    """A unified social credit code, in its one form."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        return _canonical(str(super()._deserialize(value, attr, data, **more)))


class Party(fields.String):
    """Somebody whom a conflict of interest is about: an undertaker's code, or a unit's.

    In capitals, as entries have it, so that no conflict is missed by its case.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        text = str(super()._deserialize(value, attr, data, **more)).strip().upper()
        if len(text) == uscc.LENGTH:
            return _canonical(text)
        if not 1 <= len(text) < uscc.LENGTH:
            raise ValidationError("must be a unified social credit code, or the code of a unit")
        return text


def _canonical(code: str) -> str:
    try:
        return uscc.canonical(code)
    except ValueError as error:
        raise ValidationError(str(error)) from error
