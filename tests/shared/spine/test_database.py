"""One service's database: which clock it follows, whoever starts first."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.local.process import wait_until
from shared.errors import SettingError
from shared.spine import tables
from shared.spine.database import Database

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
