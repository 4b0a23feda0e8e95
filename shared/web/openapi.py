"""OpenAPI 3.1 from the routes' own specifications."""

import re
from importlib.metadata import version
from typing import Any

from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from marshmallow import Schema

from shared.web.spec import Route, routes_of

LIMIT = {"type": "integer", "minimum": 1, "maximum": 200}
JSON, HTML = "application/json", "text/html"
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "slug"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong and what to do."},
        "slug": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
            },
        },
    },
}


def document(service: Any) -> dict[str, Any]:
    """The whole API of one service class."""
    spec = APISpec(
        title=f"Laurel {service.name}",
        version=version("laurel"),
        openapi_version="3.1.0",
        info={"description": service.__doc__ or ""},
        plugins=[MarshmallowPlugin(schema_name_resolver=_schema_name)],
    )
    spec.components.security_scheme(
        "bearer", {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    )
    spec.components.schema("Problem", PROBLEM)
    for route in routes_of(service):
        path = re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", route.path)
        spec.path(path, operations={route.method.lower(): _operation(route)})
    return dict(spec.to_dict())


def _schema_name(schema: Any) -> str:
    cls = schema if isinstance(schema, type) else type(schema)
    return str(cls.__name__)


def _operation(route: Route) -> dict[str, Any]:
    summary, _, description = route.doc.partition("\n")
    done = {"description": "Done.", "content": {route.produces: _content(route)}}
    operation: dict[str, Any] = {
        "operationId": route.function,
        "summary": summary,
        "parameters": list(_parameters(route)),
        "responses": {
            str(route.status): done,
            "default": {
                "description": "Refused; the problem says why and what to do.",
                "content": _refused(route),
            },
        },
    }
    if description.strip():
        operation["description"] = description.strip()
    if route.roles:
        operation |= {"security": [{"bearer": []}], "x-roles": list(route.roles)}
    if route.body:
        kind = "application/x-www-form-urlencoded" if route.browser else "application/json"
        content = {kind: {"schema": route.body}}
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _refused(route: Route) -> dict[str, Any]:
    """A problem document; what is no JSON is asked for by browsers, and refuses with a page."""
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return problem if route.produces == JSON else problem | {HTML: {"schema": {"type": "string"}}}


def _content(route: Route) -> dict[str, Any]:
    if not route.answer:
        return {"schema": {"type": "object" if "json" in route.produces else "string"}}
    if not route.page:
        return {"schema": route.answer}
    items = {"type": "array", "items": route.answer}
    following = {"type": ["string", "null"], "description": "Cursor of the next page."}
    return {"schema": {"type": "object", "properties": {"items": items, "next": following}}}


def _parameters(route: Route) -> Any:
    for name in re.findall(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", route.path):
        yield {"in": "path", "name": name, "required": True, "schema": {"type": "string"}}
    if route.query and issubclass(route.query, Schema):
        yield {"in": "query", "schema": route.query}
    if route.page:
        yield {"in": "query", "name": "cursor", "schema": {"type": "string"}}
        yield {"in": "query", "name": "limit", "schema": LIMIT}
    if route.edits:
        yield {"in": "header", "name": "If-Match", "schema": {"type": "string"}}
    if route.takes_keys:
        yield {"in": "header", "name": "Idempotency-Key", "schema": {"type": "string"}}
