"""What an event type is: its owners, its schema, where it is published."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, missing

from shared.spine.envelope import Event


class _Merged:
    """An aggregate's attributes, with a command's own values before them."""

    def __init__(self, aggregate: object, more: Mapping[str, Any]) -> None:
        self._aggregate, self._more = aggregate, more

    def __repr__(self) -> str:
        return type(self._aggregate).__name__

    def __getattr__(self, name: str) -> Any:
        if name in self._more:
            return self._more[name]
        return getattr(self._aggregate, name)


@dataclass(frozen=True)
class EventType:
    """One kind of event; `owners` are the services that may publish it.

    An `urgent` one waits behind no other kind, neither in an outbox nor among parked events.
    """

    name: str
    owners: tuple[str, ...]
    schema: Schema
    description: str
    about: str | None = None
    urgent: bool = False
    version: int = 1
    tells_actor: bool = True

    def dump(self, aggregate: object, more: Mapping[str, Any]) -> dict[str, Any]:
        """The event's data as JSON values.

        Raises ValidationError if they break the schema, lack a field of it or are more than it has.
        """
        if surplus := more.keys() - self.schema.fields.keys():
            raise ValidationError({self.name: f"has no {', '.join(sorted(surplus))}"})
        data: dict[str, Any] = self.schema.dump(_Merged(aggregate, more))
        if errors := self.schema.validate(data):
            raise ValidationError({self.name: errors})
        return data

    def load(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The data as Python values (dates, decimals); raises ValidationError."""
        loaded: dict[str, Any] = self.schema.load(data)
        return loaded

    def exchange(self, source: str) -> str:
        """Where the service `source` publishes it."""
        return f"{source}.events"

    def routing_key(self, _data: Mapping[str, Any]) -> str:
        """The key it is published with."""
        return self.name

    def about_of(self, event: Event) -> str:
        """The project that the event concerns, or else its own subject; for timelines."""
        return str(event.data[self.about]) if self.about else event.subject


class Data(Schema):
    """What the schemas of all event data share.

    Who reads ignores unknown fields; who writes gives every field, if only None.
    """

    class Meta:
        """Marshmallow's options."""

        unknown = EXCLUDE

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """The value to dump; marshmallow would leave a missing or misspelt one out."""
        value = super().get_attribute(obj, attr, default)
        if value is missing:
            raise ValidationError({type(self).__name__: f"{obj!r} has no {attr}"})
        return value


CATALOGUE: dict[str, EventType] = {}  # filled by whoever declares event types


def declare(
    name: str,
    owners: str | tuple[str, ...],
    schema: type[Schema],
    about: str | None,
    text: str,
    *,
    urgent: bool = False,
) -> EventType:
    """Enter an event type; `about` names the field with the project where the subject is not it."""
    owned_by = (owners,) if isinstance(owners, str) else owners
    CATALOGUE[name] = EventType(name, owned_by, schema(), text, about, urgent)
    return CATALOGUE[name]


def sources() -> list[str]:
    """Every service that may publish, in the order of their names."""
    return sorted({owner for kind in CATALOGUE.values() for owner in kind.owners})
