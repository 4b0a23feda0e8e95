"""Whatever a schema lets in, the columns can hold: on PostgreSQL as on SQLite, which minds nothing."""

from importlib import import_module

import pytest
from marshmallow import Schema, fields, validate
from sqlalchemy import BigInteger, Integer, String

from shared.catalogue import SERVICES
from shared.spine.tables import metadata
from shared.web.fields import Mail, Number, Party, Uscc
from shared.web.spec import routes_of

LOOKED_UP = {
    "programme", "unit", "project", "projects", "agency", "task", "to", "type", "types", "error",
    "subject", "group", "handler", "after",
}  # fmt: skip
HASHED = {"secrets", "token"}  # compared with a commitment or a signature, and never kept
LINTED = {"yaml"}  # the whole definition: `shared.programme` says what is wrong with which line
IN_RUBRIC = {"scores"}
SMALL, LARGE = 2**31 - 1, 2**63 - 1


def tables_of(service):
    return import_module(f"services.{service}.models").Base.metadata.tables.values()


def inputs_of(service):
    name = f"{service.capitalize()}Service"
    for route in routes_of(getattr(import_module(f"services.{service}.service"), name)):
        for schema in filter(None, (route.body, route.query)):
            for path, field in leaves(schema()):
                yield f"{route.method} {route.path} {path}", path, field


def leaves(schema):
    """Every field that holds one value, with the names that lead to it."""
    for name, field in schema.fields.items():
        yield from _leaves((name,), field)


def _leaves(path, field):
    match field:
        case fields.Nested():
            for name, inner in field.schema.fields.items():
                yield from _leaves((*path, name), inner)
        case fields.List():
            yield from _leaves(path, field.inner)
        case fields.Dict():
            for inner in filter(None, (field.key_field, field.value_field)):
                yield from _leaves(path, inner)
        case _:
            yield path, field


def most_of(field):
    """The largest number that its validators let through."""
    limits = [v.max for v in field.validators if isinstance(v, validate.Range)]
    return min((limit for limit in limits if limit is not None), default=None)


def is_bounded(field):
    if isinstance(field, Mail | Number | Party | Uscc):
        return True
    return any(
        isinstance(v, validate.Regexp | validate.OneOf) or getattr(v, "max", None) is not None
        for v in field.validators
    )


@pytest.mark.parametrize("service", SERVICES)
def test_no_column_has_a_width(service):
    columns = [
        column
        for table in (*tables_of(service), *metadata.sorted_tables)
        for column in table.columns
    ]
    assert columns
    assert [c for c in columns if isinstance(c.type, String) and c.type.length] == []


@pytest.mark.parametrize("service", SERVICES)
def test_every_number_that_comes_in_fits_the_columns_of_its_name(service):
    kinds = {}
    for table in tables_of(service):
        for column in table.columns:
            if isinstance(column.type, Integer):
                is_large = isinstance(column.type, BigInteger)
                kinds[column.name] = kinds.get(column.name, True) and is_large
    seen = 0
    for where, path, field in inputs_of(service):
        if isinstance(field, fields.Integer):
            most = LARGE if kinds.get(path[-1], True) else SMALL
            assert most_of(field) is not None, f"{where} has no greatest value"
            assert most_of(field) <= most, where
            seen += 1
    assert seen


@pytest.mark.parametrize("service", SERVICES)
def test_every_text_that_is_kept_has_a_greatest_length(service):
    let_in = LOOKED_UP | HASHED | LINTED | IN_RUBRIC
    unbounded = [
        where
        for where, path, field in inputs_of(service)
        if isinstance(field, fields.String) and not is_bounded(field) and path[-1] not in let_in
    ]
    assert [where for where in unbounded if not where.startswith("GET")] == []


def test_a_number_or_a_text_without_a_limit_is_found():
    class Loose(Schema):
        count = fields.Integer(validate=validate.Range(1))
        notes = fields.List(fields.String())

    found = dict(leaves(Loose()))
    assert most_of(found[("count",)]) is None
    assert not is_bounded(found[("notes",)])
