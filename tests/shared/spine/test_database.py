"""One service's database: which clock it follows, whoever starts first."""

import importlib
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import String, text
from sqlalchemy.exc import SQLAlchemyError

from deploy.local.process import wait_until
from shared.catalogue import SERVICES
from shared.errors import SettingError
from shared.server import service_class
from shared.spine import tables
from shared.spine.database import Database
from shared.spine.migrate import migrate
from shared.testing import Laurel

SECONDS = 30


@pytest.fixture
def database(real_stack):
    return Database("intake", real_stack.settings.database_url)


@pytest.mark.parametrize(("first", "refused"), [("rehearsal", False), ("system", True)])
def test_replicas_that_start_at_the_same_moment_agree_on_the_clock(
    real_stack, database, first, refused
):
    with ThreadPoolExecutor() as pool:
        with database.transaction() as session:
            session.execute(tables.facts.delete())
            session.execute(tables.facts.insert().values(name="clock", value=first))
            second = pool.submit(real_stack.runtime("intake").database.follow_clock, "rehearsal")
            wait_until(lambda: real_stack.waits_for_lock("intake"), SECONDS, "the second replica")
        found = second.exception(SECONDS)
    assert isinstance(found, SettingError) is refused
    assert found is None or refused
    database.engine.dispose()


MARK = "sealed-7f3a"


def tables_of(service):
    """Every table of a service's own metadata and of the spine's."""
    service_class(service)  # brings all its tables in
    models = importlib.import_module(f"services.{service}.models")
    return [*models.Base.metadata.sorted_tables, *tables.metadata.sorted_tables]


def marked(table):
    """An INSERT with the mark in every text, and without one value that must be there."""
    needed = [column for column in table.columns if not column.nullable][-1]
    values = {
        column.name: MARK
        for column in table.columns
        if isinstance(column.type, String) and column is not needed
    } | {needed.name: None}
    names, places = (", ".join(form.format(name) for name in values) for form in ('"{}"', ":{}"))
    return text(f"INSERT INTO {table.name} ({names}) VALUES ({places})"), values


def misplaced(table):
    """An UPDATE with the mark before a column that is not there, as of a schema that moved."""
    return text(f"UPDATE {table.name} SET {table.columns[0].name} = :mark, moved = 1"), {
        "mark": MARK
    }


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
def test_no_value_of_a_refused_row_is_in_the_error_that_tells_of_it(
    request, tmp_path, service, kind
):
    if kind == "sqlite":
        database = Database(service, f"sqlite:///{tmp_path}/{{service}}.sqlite3")
        migrate(database)
    else:
        database = Database(service, request.getfixturevalue("postgres_url"))
    told = 0
    for table in tables_of(service):
        for refused in (marked(table), misplaced(table)):
            with pytest.raises(SQLAlchemyError) as caught, database.engine.begin() as connection:
                connection.execute(*refused)
            words = "".join(traceback.format_exception(caught.value))
            assert MARK not in words, table.name
            told += 1
    assert told > 20
    database.engine.dispose()


@pytest.mark.parametrize("form", ["postgresql", "postgresql+psycopg2"])
def test_a_service_starts_with_every_form_of_url_that_is_documented(tmp_path, postgres_url, form):
    url = postgres_url.replace("postgresql+psycopg2", form)
    with Laurel(tmp_path, {"LAUREL_DATABASE_URL": url}, [service_class("intake")]) as laurel:
        assert laurel.http("intake").get("/health/ready").status_code == 200
