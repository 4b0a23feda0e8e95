"""What the schemas of several services have in common: identifiers, instants, addresses."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate

from shared import uscc
from shared.lines import LONG, SHA256, TEXT, Text, oddities
from shared.programme.values import UNIT_CODE

NUMBER = re.compile(r"(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?")
LONGEST_MAILBOX, LONGEST_ADDRESS = 64, 254  # RFC 5321, 4.5.3.1
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


CODE = validate.Regexp(r"[A-Za-z0-9_-]{1,40}\Z", error="must be 1 to 40 letters, digits, - or _")


class Versioned(Schema):
    """What can be edited as it was seen: If-Match takes the version."""

    version = fields.Integer()


class ReasonIn(Schema):
    """Why."""

    reason = Text(LONG, required=True)


class EvidenceIn(Schema):
    """One item of evidence."""

    description = Text(TEXT, required=True)
    sha256 = fields.String(required=True, validate=SHA256)


class Instant(fields.AwareDateTime):
    """An instant of a year that calendars and databases of everybody know."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> datetime:
        instant: datetime = super()._deserialize(value, attr, data, **more)
        if not EARLIEST <= instant < LATEST:
            raise ValidationError("must lie between 1900 and 2200")
        return instant


class Mail(fields.Email):
    """A mail address that letters can be sent to; its domain may be in any script (IDNA)."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        if isinstance(value, str) and len(value) > LONGEST_ADDRESS:
            raise ValidationError(f"must have at most {LONGEST_ADDRESS} characters")
        address = str(super()._deserialize(value, attr, data, **more))
        name, _, domain = address.rpartition("@")
        if len(name) > LONGEST_MAILBOX:
            raise ValidationError(f"must have at most {LONGEST_MAILBOX} characters before the @")
        try:
            name.encode("ascii")
            domain.encode("idna")
        except UnicodeError as error:
            message = "must have an ASCII name and a domain that can be looked up"
            raise ValidationError(message) from error
        if odd := oddities(address):
            raise ValidationError(f"must not hold control or direction characters ({odd[0]})")
        return address


class Uscc(fields.String):
    """A unified social credit code, in its one form."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        return _canonical(str(super()._deserialize(value, attr, data, **more)))


class Number(fields.String):
    """A plain number in its one form, as text: ` 3225.120` is 3225.12."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        text = str(super()._deserialize(value, attr, data, **more)).strip()
        if not NUMBER.fullmatch(text):
            raise ValidationError("must be the plain number as it was published, like 3225.12")
        whole, _, part = text.partition(".")
        return f"{whole}.{part}".rstrip("0").rstrip(".") if part else whole


class Party(fields.String):
    """Somebody whom a conflict of interest is about: an undertaker's code, or a unit's.

    In capitals, as entries have it, so that no conflict is missed by its case.
    """

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **more: Any
    ) -> str:
        text = str(super()._deserialize(value, attr, data, **more)).strip().upper()
        if len(uscc.compacted(text)) == uscc.LENGTH:
            return _canonical(text)
        if not UNIT_CODE.fullmatch(text):
            raise ValidationError("must be a unified social credit code, or the code of a unit")
        return text


def _canonical(code: str) -> str:
    try:
        return uscc.canonical(code)
    except ValueError as error:
        raise ValidationError(str(error)) from error
