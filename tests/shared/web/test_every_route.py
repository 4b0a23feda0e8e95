"""Over every route of every service: no input makes a fault of ours, lists cost the same whatever
their length."""

import importlib
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from marshmallow.fields import Dict, List
from sqlalchemy import JSON, event

from shared.catalogue import SERVICES
from shared.programme.lint import read_programme
from shared.server import service_class
from shared.spine.tables import Instant
from shared.testing import Laurel
from shared.web.spec import routes_of

HOSTILE = ["\0", "\ud800", "9" * 40, "9" * 5000, "'\"%_²", "-1", "x" * 3000]
USCC = "91350100M000100Y43"
PARAMETER = re.compile(r"<(?:(\w+)(?:\(([^)]*)\))?:)?(\w+)>")
PROGRAMME = Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml"
FILLED = {  # what a list filters by, so that all its rows are shown, and what pages look into
    ("Assignment", "expert"): "001",
    ("Circular", "kind"): "revocation",
    ("Message", "agency"): "001",
    ("Message", "status"): "rejected",
    ("Programme", "definition"): read_programme(PROGRAMME.read_text()),
    ("Project", "state"): "DESIGNATED",
}


@pytest.fixture(scope="module")
def laurel(tmp_path_factory):
    with Laurel(tmp_path_factory.mktemp("every-route")) as laurel:
        yield laurel


@pytest.fixture(scope="module")
def real_laurel(tmp_path_factory, private_postgres):
    private_postgres.create_databases([f"every_{service}" for service in SERVICES])
    environ = {"LAUREL_DATABASE_URL": private_postgres.url("every_{service}")}
    with Laurel(tmp_path_factory.mktemp("every-route-real"), environ) as laurel:
        yield laurel


@pytest.fixture(params=["laurel", "real_laurel"])
def either(request):
    return request.getfixturevalue(request.param)


def address(path, value):
    """The path with that value for every parameter that is not one of a few words."""
    text = quote(value.encode("utf-8", "surrogatepass"), safe="")
    return PARAMETER.sub(lambda m: m[2].split(",")[0] if m[1] == "any" else text, path)


def headers_for(laurel, spec):
    if not spec.roles:
        return {"Sec-Fetch-Site": "same-origin"}
    role = "official" if "official" in spec.roles else spec.roles[0]
    whose = {"undertaker": USCC, "unit": "001", "expert": "001", "agency": "001"}
    claims = {role: whose[role]} if role in whose else {}
    return laurel.token(role, **claims) | {"Sec-Fetch-Site": "same-origin"}


def attempts(spec, value):
    """(address, body) with the value in every place that takes one."""
    text = quote(value.encode("utf-8", "surrogatepass"), safe="")
    filled = dict.fromkeys(spec.body().fields, value[:3000]) if spec.body else {}
    body = urlencode(filled, errors="surrogatepass") if spec.browser else json.dumps(filled)
    yield address(spec.path, value), body
    names = [*(spec.query().fields if spec.query else ()), *(("limit", "cursor") * spec.page)]
    for name in names:
        yield f"{address(spec.path, '001')}?{name}={text}", body


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
def test_no_input_makes_a_fault_of_ours(either, service):
    client, faults = either.http(service), []
    for spec in routes_of(type(either.services[service])):
        headers = headers_for(either, spec)
        for value in HOSTILE:
            for path, body in attempts(spec, value):
                answer = client.open(path, method=spec.method, data=body, headers=headers)
                if answer.status_code >= 500:
                    faults.append((spec.method, path[:60], value[:10], answer.text[:80]))
    assert faults == []


@pytest.mark.parametrize("service", SERVICES)
def test_what_holds_very_much_is_refused_in_few_words(laurel, service):
    client, told = laurel.http(service), {}
    for spec in routes_of(type(laurel.services[service])):
        if spec.body is None or spec.browser:
            continue
        for name, field in spec.body().fields.items():
            if isinstance(field, List | Dict):
                many = [{}] * 100_000 if isinstance(field, List) else dict.fromkeys(range(3_000), 1)
                path, headers = address(spec.path, "001"), headers_for(laurel, spec)
                answer = client.open(path, method=spec.method, json={name: many}, headers=headers)
                first = answer.json["errors"][0]["field"]
                told[spec.path, name] = (answer.status_code, len(answer.data) < 1_000, first)
    assert told == {(path, name): (422, True, name) for path, name in told}
    assert told


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
def test_no_role_without_its_claim_sees_or_changes_what_is_another_s(laurel, service):
    client, done = laurel.http(service), []
    for spec in routes_of(type(laurel.services[service])):
        for role in {"unit", "undertaker", "expert", "agency"} & set(spec.roles):
            path = address(spec.path, "001")
            answer = client.open(path, method=spec.method, json={}, headers=laurel.token(role))
            if answer.status_code < 300 and answer.json["items"]:
                done.append((role, spec.method, path))
    assert done == []


def models_of(service):
    service_class(service)  # brings all its tables in
    base = importlib.import_module(f"services.{service}.models").Base
    mappers = {mapper.local_table.name: mapper for mapper in base.registry.mappers}
    return [mappers[table.name] for table in base.metadata.sorted_tables]


def value_of(mapper, column, number):
    """A value of the column's type; the same text for keys and for what refers to them."""
    name = mapper.get_property_by_column(column).key
    if (mapper.class_.__name__, name) in FILLED:
        return FILLED[mapper.class_.__name__, name]
    if column.nullable:
        return None
    if isinstance(column.type, JSON):
        return [] if "list[" in str(mapper.class_.__annotations__[name]) else {}
    kind = datetime if isinstance(column.type, Instant) else column.type.python_type
    made = {
        str: f"{number:03d}",
        datetime: datetime(2020, 10, 12, tzinfo=UTC),
        bytes: b"",
        date: date(2020, 10, 12),
        bool: True,
    }
    return made.get(kind, number)


def fill(laurel, service, numbers):
    with laurel.session(service) as session:
        for mapper in models_of(service):
            for number in numbers:
                values = {
                    mapper.get_property_by_column(column).key: value_of(mapper, column, number)
                    for column in mapper.local_table.columns
                    if column is not mapper.version_id_col
                }
                session.merge(mapper.class_(**values))
            session.flush()


def cost(laurel, service, spec):
    """(statements, items) of one page of that list."""
    engine, statements = laurel.runtime(service).database.engine, []
    query = {"limit": 200} | ({"expert": "001"} if spec.path == "/v1/assignments" else {})
    client, headers = laurel.http(service), headers_for(laurel, spec)

    def count(_connection, _cursor, statement, *_more):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", count)
    answer = client.get(address(spec.path, "001"), query_string=query, headers=headers)
    event.remove(engine, "before_cursor_execute", count)
    assert answer.status_code == 200, (spec.path, answer.text)
    return len(statements), len(answer.json["items"]) if spec.answer or answer.is_json else None


@pytest.mark.long
@pytest.mark.parametrize("service", SERVICES)
def test_every_list_runs_the_same_queries_whatever_the_number_of_rows(tmp_path, service):
    with Laurel(tmp_path) as laurel:
        lists = [spec for spec in routes_of(type(laurel.services[service])) if spec.page]
        fill(laurel, service, range(1, 3))
        few = {spec.path: cost(laurel, service, spec) for spec in lists}
        fill(laurel, service, range(3, 20))
        many = {spec.path: cost(laurel, service, spec) for spec in lists}
    assert {path: many[path][0] for path in many} == {path: few[path][0] for path in few}
    assert [path for path in few if few[path][1] and many[path][1] < few[path][1] + 17] == []
    assert [path for path in few if few[path][1] == 0] == []


def pages(laurel, service, spec, limit):
    """The items of each page of that list."""
    query = {"expert": "001"} if spec.path == "/v1/assignments" else {}
    client, headers, cursor = laurel.http(service), headers_for(laurel, spec), None
    while True:
        more = {"limit": limit} | ({"cursor": cursor} if cursor else {})
        answer = client.get(address(spec.path, "001"), query_string=query | more, headers=headers)
        assert answer.status_code == 200, (spec.path, answer.text)
        yield answer.json["items"]
        cursor = answer.json["next"]
        if cursor is None:
            return


@pytest.mark.parametrize("service", SERVICES)
def test_every_list_gives_each_row_once_one_a_page_by_the_same_queries(tmp_path, service):
    with Laurel(tmp_path) as laurel:
        routes = routes_of(type(laurel.services[service]))
        lists = [spec for spec in routes if spec.page and "json" in spec.produces]
        fill(laurel, service, [1])
        costs = {spec.path: cost(laurel, service, spec)[0] for spec in lists}
        for number, rows in ((1, []), (3, [2, 3])):
            fill(laurel, service, rows)
            for spec in lists:
                (whole,) = pages(laurel, service, spec, 200)
                single = [item for page in pages(laurel, service, spec, 1) for item in page]
                assert single == whole, spec.path
                assert len(whole) >= number, spec.path
                assert cost(laurel, service, spec)[0] == costs[spec.path], spec.path
    assert lists
