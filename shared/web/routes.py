"""All that an `api.py` needs: `route`, `Call`, `Page`, and `ServiceApi` with the common routes."""

from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.wrappers import Response

from shared.errors import LaurelError
from shared.runtime import Runtime
from shared.spine import migrate
from shared.telemetry import REGISTRY
from shared.web.openapi import document
from shared.web.operations import OperationsApi
from shared.web.paging import Page
from shared.web.spec import Call, route

__all__ = ["Call", "Page", "ServiceApi", "route"]


class DatabaseUnavailableError(LaurelError):
    """The service's database does not answer."""

    slug = "database-unavailable"
    status = 503


class ServiceApi(OperationsApi):
    """What every service serves beside its own routes."""

    runtime: Runtime

    @route("GET", "/health/live")
    def show_live(self, session: Any, call: Call) -> dict[str, str]:  # noqa: ARG002 - one signature
        """Tell that the process answers; a lost database must not get it killed."""
        return {"status": "live"}

    @route("GET", "/health/ready")
    def show_ready(self, session: Any, call: Call) -> dict[str, str]:  # noqa: ARG002 - one signature
        """Tell whether requests can be accepted: the database answers and has the right schema.

        The broker is not asked: without it requests are accepted and events wait in the outbox.
        """
        if not self.runtime.database.answers():
            raise DatabaseUnavailableError("The database does not answer; requests cannot be kept.")
        migrate.check(self.runtime.database)
        return {"status": "ready", "clock": self.runtime.clock.kind}

    @route("GET", "/metrics", produces="text/plain")
    def show_metrics(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Show the metrics of this process in the Prometheus text format."""
        return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)

    @route("GET", "/openapi.json")
    def show_openapi(self, session: Any, call: Call) -> dict[str, Any]:  # noqa: ARG002 - one signature
        """Show this API as an OpenAPI 3.1 document."""
        return document(type(self))
