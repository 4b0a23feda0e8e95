"""All that an `api.py` needs: `route`, `Call`, `Page`, and `ServiceApi` with the common routes."""

import hmac
import json
from functools import cache
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from werkzeug.wrappers import Request, Response

from shared.errors import LaurelError, SchemaVersionError, UnauthenticatedError
from shared.runtime import Runtime
from shared.spine import migrate
from shared.telemetry import REGISTRY
from shared.web.app import WebApp
from shared.web.limits import is_near
from shared.web.openapi import document
from shared.web.operations import OperationsApi
from shared.web.operations.page import is_page, refusal
from shared.web.paging import Page
from shared.web.problems import DatabaseUnavailableError, problem
from shared.web.spec import Call, route

__all__ = ["Call", "Page", "ServiceApi", "route"]


class NotLiveError(LaurelError):
    """A part of this process has ended that nothing but a restart brings back."""

    slug = "not-live"
    status = 503


class NotReadyError(LaurelError):
    """Requests cannot be accepted, although the database answers."""

    slug = "not-ready"
    status = 503


class ServiceApi(OperationsApi):
    """What every service serves beside its own routes."""

    runtime: Runtime

    def wsgi_app(self) -> WebApp:
        """What the door serves."""
        return WebApp(self, self.runtime)

    def refuse(self, error: LaurelError, request: Request) -> Response:
        """The answer to a request that failed: a problem document, or an operator's page."""
        if is_page(request.path):
            return refusal(self.runtime, error, request)
        return problem(error, request.path)

    @route("GET", "/health/live")
    def show_live(self, session: Any, call: Call) -> dict[str, str]:  # noqa: ARG002 - one signature
        """Tell that the process works; a lost database or broker must not get it killed.

        503 when a thread that consumes, publishes or keeps time has ended: only a restart helps.
        """
        if dead := [name for loop in self.runtime.loops for name in loop.dead()]:
            raise NotLiveError(f"These threads have ended: {', '.join(sorted(dead))}. Restart.")
        return {"status": "live"}

    @route("GET", "/health/ready")
    def show_ready(self, session: Any, call: Call) -> dict[str, str]:  # noqa: ARG002 - one signature
        """Tell whether requests can be accepted: the database answers and has the right schema.

        The broker is not asked: without it requests are accepted and events wait in the outbox.
        """
        if not self.runtime.database.answers():
            raise DatabaseUnavailableError("The database does not answer; requests cannot be kept.")
        try:
            migrate.check(self.runtime.database)
        except SchemaVersionError as error:
            raise NotReadyError(error.detail) from error
        return {"status": "ready", "clock": self.runtime.clock.kind}

    @route("GET", "/metrics", produces="text/plain")
    def show_metrics(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Show the metrics of this process in the Prometheus text format.

        Without a token of their own they are for whoever calls from a network of ours, and not for
        what a proxy passes on.
        """
        token = self.runtime.settings.metrics_token
        sent = call.headers.get("Authorization", "")
        if token and not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
            raise UnauthenticatedError("Send LAUREL_METRICS_TOKEN as the bearer token.")
        if not token and not is_near(call.address, call.headers):
            raise UnauthenticatedError(
                "From outside private networks this needs LAUREL_METRICS_TOKEN to be set, and sent "
                "as the bearer token."
            )
        return Response(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)

    @route("GET", "/openapi.json")
    def show_openapi(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Show this API as an OpenAPI 3.1 document."""
        service: Any = type(self)
        return Response(_written(service), content_type="application/json")


@cache
def _written(service: type) -> str:
    """Made once: it takes as long as many requests."""
    return json.dumps(document(service), ensure_ascii=False)
