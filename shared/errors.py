"""Laurel's one tree of errors.

Each has a stable slug, used alike in HTTP problems, receipts, logs and the command line, and a
message that says what is wrong and what to do. Standard library only, so that rules may raise them.
"""

from typing import Self

LONGEST_DETAIL = 4_000


class LaurelError(Exception):
    """Something was asked that Laurel does not do; `detail` tells a person what to do next."""

    slug = "refused"
    status = 409

    def __init__(self, detail: str, **extra: object) -> None:
        """`extra` members appear beside the detail in problem documents."""
        # It may quote the caller, at any length and with halves of characters.
        detail = str(detail)[:LONGEST_DETAIL].encode("utf-8", "backslashreplace").decode()
        super().__init__(detail)
        self.detail = detail
        self.extra = extra

    @property
    def title(self) -> str:
        """The slug as words, for problem documents."""
        return self.slug.replace("-", " ").capitalize()


class InvalidError(LaurelError):
    """The input breaks its schema; `errors` lists `{"field": ..., "message": ...}`."""

    slug = "invalid-input"
    status = 422

    @classmethod
    def at(cls, field: str, message: str) -> Self:
        """The refusal of one field."""
        return cls(f"{field} {message}.", errors=[{"field": field, "message": message}])


class EvidenceMissingError(LaurelError):
    """What is said rests on evidence, and some of it is not there."""

    slug = "evidence-missing"
    status = 422


class UnauthenticatedError(LaurelError):
    """No bearer token, or one that does not verify."""

    slug = "unauthenticated"
    status = 401


class ForbiddenError(LaurelError):
    """The token is good, but its role or claim does not allow this."""

    slug = "forbidden"
    status = 403


class NotFoundError(LaurelError):
    """Nothing has that identifier."""

    slug = "not-found"
    status = 404


class IllegalTransitionError(LaurelError):
    """The state machine has no such way out of the present state."""

    slug = "illegal-transition"


class StaleVersionError(LaurelError):
    """The thing was changed since the caller read it."""

    slug = "stale-version"
    status = 412


class SettingError(LaurelError):
    """A setting has a wrong value; stops the start."""

    slug = "wrong-setting"


class SchemaVersionError(LaurelError):
    """The database has another schema version than this code."""

    slug = "wrong-schema-version"


class UnknownYearError(LaurelError):
    """The working-day calendar does not know that year."""

    slug = "unknown-calendar-year"
