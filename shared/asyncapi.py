"""AsyncAPI 3.0 and JSON Schemas, made from the catalogue; never kept by hand."""

import json
import re
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin

from shared.agency.message import REPORTED, STARTED, Report
from shared.catalogue import AGENCY_RECEIPT, CATALOGUE, PARTNER_EVENTS, PARTNER_RECEIPTS, EventType
from shared.spine.envelope import CONTENT_TYPE

REFERENCE = re.compile(r"#/components/schemas/(\w+)")
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT = {"type": "string"}
REQUIRED = ["specversion", "id", "source", "type", "subject", "time", "data"]
SIGNATURE = {
    "type": "object",
    "required": ["laurel-signature"],
    "properties": {
        "laurel-signature": {
            "type": "string",
            "description": "Detached JWS (RFC 7515, appendix F) over the exact bytes of the body.",
        }
    },
}


def document() -> dict[str, Any]:
    """The whole AsyncAPI document: internal events, agency messages, receipts."""
    types = [*(CATALOGUE[name] for name in sorted(CATALOGUE))]
    channels = {kind.name: _channel(kind) for kind in types}
    channels |= {
        "agency.inspection.reported": _partner(REPORTED),
        "agency.inspection.started": _partner(STARTED),
        "agency.receipt": _receipts(),
    }
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Laurel events",
            "version": version("laurel"),
            "description": "CloudEvents 1.0 in JSON structured mode over AMQP 0-9-1. Unknown "
            "fields are to be ignored; a breaking change is a new version beside the old.",
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": {
            name: {"action": "receive", "channel": {"$ref": f"#/channels/{name}"}}
            for name in channels
        },
        "components": {"schemas": schemas()},
    }


def schemas() -> dict[str, Any]:
    """Every schema by name, as JSON Schema."""
    spec = APISpec("", "", "3.1.0", plugins=[MarshmallowPlugin(schema_name_resolver=_name)])
    for schema in [*(kind.schema for kind in CATALOGUE.values()), AGENCY_RECEIPT.schema, Report()]:
        if _name(schema) not in spec.components.schemas:
            spec.components.schema(_name(schema), schema=schema)
    found: dict[str, Any] = spec.to_dict()["components"]["schemas"]
    return {name: _described(name, found[name]) for name in sorted(found)}


def standalone(name: str) -> dict[str, Any]:
    """One schema with all that it refers to, in one document."""
    everything, needed, open_ = schemas(), set(), {name}
    while open_:
        needed |= open_
        found = {ref for each in open_ for ref in REFERENCE.findall(json.dumps(everything[each]))}
        open_ = found - needed
    return {
        "$schema": DIALECT,
        "$ref": f"#/components/schemas/{name}",
        "components": {"schemas": {each: everything[each] for each in sorted(needed)}},
    }


def _described(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"title": name, **schema}


def _name(schema: Any) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return str(cls.__name__)


def _channel(kind: EventType) -> dict[str, Any]:
    owners = [kind.exchange(owner) for owner in kind.owners]
    return {
        "address": kind.name,
        "description": f"{kind.description} Published on {', '.join(owners)}.",
        "messages": {kind.name: _message(f"laurel.{kind.name}", _name(kind.schema))},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"name": owners[0], "type": "topic"}}
        },
    }


def _partner(kind: str) -> dict[str, Any]:
    event = kind.removeprefix("laurel.")
    message = _message(kind, _name(Report) if kind == REPORTED else None)
    message["headers"] = SIGNATURE
    return {
        "address": f"agency.{{code}}.{event}",
        "parameters": {"code": {"description": "The agency's code."}},
        "messages": {event: message},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"name": PARTNER_EVENTS, "type": "topic"}}
        },
    }


def _receipts() -> dict[str, Any]:
    return {
        "address": "agency.{code}.receipt",
        "parameters": {"code": {"description": "The agency's code."}},
        "messages": {"receipt": _message("laurel.receipt.issued", _name(AGENCY_RECEIPT.schema))},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"name": PARTNER_RECEIPTS, "type": "topic"}}
        },
    }


def _message(kind: str, data: str | None) -> dict[str, Any]:
    payload = {
        "type": "object",
        "required": REQUIRED,
        "properties": {
            "specversion": {"const": "1.0"},
            "id": TEXT,
            "source": TEXT,
            "type": {"const": kind},
            "subject": TEXT,
            "time": {"type": "string", "format": "date-time"},
            "dataschema": TEXT,
            "sequence": TEXT,
            "data": {"$ref": f"#/components/schemas/{data}"} if data else {"type": "object"},
        },
    }
    return {"name": kind, "contentType": CONTENT_TYPE, "payload": payload}
