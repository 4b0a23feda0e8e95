"""The OpenAPI document of every service: whole, and true to what is served."""

import json
import re

import pytest

from shared.catalogue import SERVICES
from shared.server import service_class
from shared.testing import Laurel
from shared.web.openapi import document
from shared.web.spec import routes_of

METHODS = {"get", "post", "put", "delete", "patch"}


@pytest.fixture(scope="module", params=SERVICES)
def service(request):
    return service_class(request.param)


@pytest.fixture(scope="module")
def made(service):
    return document(service)


def operations(made):
    for path, item in made["paths"].items():
        for method, operation in item.items():
            assert method in METHODS
            yield path, method, operation


def parts(value):
    """Every object anywhere in the document."""
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from parts(inner)


def plain(path):
    return re.sub(r"<(?:\w+(?:\([^)]*\))?:)?(\w+)>", r"{\1}", path)


def test_every_route_is_documented_with_its_roles_and_status(service, made):
    documented = {
        (path, method, tuple(operation.get("x-roles", ())), tuple(operation["responses"]))
        for path, method, operation in operations(made)
    }
    assert documented == {
        (plain(spec.path), spec.method.lower(), spec.roles, (str(spec.status), "default"))
        for spec in routes_of(service)
    }


def test_every_reference_leads_somewhere(made):
    for part in parts(made):
        if "$ref" in part:
            first, *names = part["$ref"].split("/")
            assert first == "#"
            found = made
            for name in names:
                found = found[name]


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(made):
    found = [operation for _path, _method, operation in operations(made)]
    names = [operation["operationId"] for operation in found]
    assert len(set(names)) == len(names)
    assert [operation["operationId"] for operation in found if not operation["summary"]] == []


def test_every_parameter_of_a_path_is_declared_and_no_other(made):
    for path, _method, operation in operations(made):
        declared = [item["name"] for item in operation["parameters"] if item["in"] == "path"]
        assert declared == re.findall(r"{(\w+)}", path)
        assert all(item["required"] for item in operation["parameters"] if item["in"] == "path")


def test_no_parameter_is_declared_twice(made):
    for _path, _method, operation in operations(made):
        declared = [(item["in"], item["name"]) for item in operation["parameters"]]
        assert len(set(declared)) == len(declared)


def test_every_operation_that_needs_a_token_says_so_and_every_refusal_is_a_problem(made):
    assert made["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    for _path, _method, operation in operations(made):
        assert ("security" in operation) == ("x-roles" in operation)
        refused = operation["responses"]["default"]["content"]
        (done, *_others) = operation["responses"].values()
        is_json = "application/json" in done["content"]
        assert list(refused) == ["application/problem+json", *([] if is_json else ["text/html"])]


def test_the_document_served_is_this_one(tmp_path, service, made):
    with Laurel(tmp_path, classes=[service]) as laurel:
        answer = laurel.http(service.name).get("/openapi.json")
    assert answer.json == json.loads(json.dumps(made))
    assert answer.json["openapi"] == "3.1.0"
    assert answer.json["info"]["title"] == f"Laurel {service.name}"
