"""Every event carries all the fields of its schema, whoever records it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from types import SimpleNamespace

import pytest
from marshmallow import ValidationError, fields, validate

from shared.catalogue import AGENCY_RECEIPT, CATALOGUE

TYPES = [*CATALOGUE.values(), AGENCY_RECEIPT]
VALUES = {
    fields.Email: "li@example.org",
    fields.Integer: 1,
    fields.Decimal: Decimal("87.5"),
    fields.Date: date(2020, 10, 12),
    fields.AwareDateTime: datetime(2020, 10, 12, tzinfo=UTC),
    fields.Dict: {"a": "b"},
    fields.Boolean: True,
}
every_type = pytest.mark.parametrize("event_type", TYPES, ids=lambda t: t.name)


def value_of(field):
    if isinstance(field, fields.Nested):
        return SimpleNamespace(**whole(field.schema))
    if isinstance(field, fields.List):
        return [value_of(field.inner)]
    if type(field) is fields.String:
        return text_of(field.validators)
    return VALUES[type(field)]


def text_of(validators):
    for rule in validators:
        if isinstance(rule, validate.OneOf):
            return next(iter(rule.choices))
        if isinstance(rule, validate.Length):
            return "x" * (rule.equal or rule.min or 1)
    return "words"


def whole(schema):
    return {name: value_of(field) for name, field in schema.fields.items()}


def names_in(schema, data, path=()):
    """Every field that must be there, and whether it is."""
    for name, field in schema.fields.items():
        yield (*path, name), name in data
        inner = field.inner if isinstance(field, fields.List) else field
        if isinstance(inner, fields.Nested):
            items = data[name] if isinstance(field, fields.List) else [data[name]]
            for item in items:
                yield from names_in(inner.schema, item, (*path, name))


@every_type
def test_an_event_carries_every_field_and_reads_back_as_it_was(event_type):
    data = event_type.dump(SimpleNamespace(**whole(event_type.schema)), {})
    assert [path for path, is_there in names_in(event_type.schema, data) if not is_there] == []
    assert event_type.dump(SimpleNamespace(), event_type.load(data)) == data


@every_type
def test_a_field_that_the_aggregate_lacks_is_refused_by_its_name(event_type):
    for name in event_type.schema.fields:
        values = whole(event_type.schema)
        del values[name]
        with pytest.raises(ValidationError, match=f"has no {name}"):
            event_type.dump(SimpleNamespace(**values), {})


@every_type
def test_a_name_that_the_schema_has_not_is_refused(event_type):
    values = SimpleNamespace(**whole(event_type.schema))
    with pytest.raises(ValidationError, match="has no misspelt"):
        event_type.dump(values, {"misspelt": 1})
