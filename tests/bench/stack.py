"""The four services as `make up` runs them, on a cluster that tells when it committed."""

import shutil

from deploy.local.stack import Stack
from tests.bench.ground import closing_connection, tell_commit_times


class BenchStack(Stack):
    """A context manager."""

    def __enter__(self):
        self.postgres.start()
        tell_commit_times(self.postgres)
        self.up()
        return self

    def __exit__(self, *_error):
        self.down()
        shutil.rmtree(self.home, ignore_errors=True)

    def rows(self, service, statement, values):
        """What a statement answers, if it answers."""
        with closing_connection(self.postgres.url(service)) as connection:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(statement, values if isinstance(values, dict) else [values])
            return cursor.fetchall() if cursor.description else []
