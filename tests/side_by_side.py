"""Two transactions on PostgreSQL of which neither knows what the other has done."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import text

from deploy.local.process import wait_until

SECONDS = 60
WAITING = (
    "SELECT count(*) FROM pg_stat_activity "
    "WHERE wait_event_type = 'Lock' AND datname = current_database()"
)


def side_by_side(database, first, second):
    """The second begins when the first has done its work and is not committed yet."""

    def act():
        with database.transaction() as session:
            second(session)

    def is_waited_for():
        with database.reading() as session:
            return session.scalar(text(WAITING)) > 0

    with ThreadPoolExecutor() as pool:
        with database.transaction() as session:
            first(session)
            session.flush()
            other = pool.submit(act)
            wait_until(lambda: other.done() or is_waited_for(), SECONDS, "the second to wait")
        other.result(SECONDS)
