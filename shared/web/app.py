"""One service's WSGI application: authenticate, parse, one method in one transaction, answer."""

import json
import time
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import structlog
from sqlalchemy.exc import (
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from shared.errors import ForbiddenError, InvalidError, LaurelError, NotFoundError
from shared.runtime import Runtime
from shared.spine.context import Context
from shared.spine.envelope import traceparent_of
from shared.telemetry import HTTP_REQUESTS, HTTP_SECONDS
from shared.web import browsers, incoming
from shared.web.access import Gate
from shared.web.idempotency import Once
from shared.web.limits import Limit, caller
from shared.web.paging import Page, page_request
from shared.web.problems import ChangedMeanwhileError, DatabaseUnavailableError
from shared.web.spec import PUBLIC, Call, Route, built, routes_of

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
UNIQUE_VIOLATION = "23505"  # where both found nothing there, and both put something
_log = structlog.get_logger(__name__)


class MethodNotAllowedError(LaurelError):
    """The path is right, the method is not."""

    slug = "method-not-allowed"
    status = 405


class InternalError(LaurelError):
    """A fault of ours; the log has it, the answer does not."""

    slug = "internal-error"
    status = 500


class WebApp:
    """Serves the routes of one service object."""

    def __init__(self, service: Any, runtime: Runtime) -> None:
        self._service, self._runtime = service, runtime
        self._gate = Gate(runtime.settings)
        self._limit = Limit(runtime.settings.public_writes_per_minute)
        self._map = _map_of(service.__class__)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """WSGI."""
        request = Request(environ)
        began = time.perf_counter()
        route, response = self._respond(request)
        method = request.method if request.method in METHODS else "other"
        labels = (self._runtime.service, route, method)
        HTTP_REQUESTS.labels(*labels, str(response.status_code)).inc()
        HTTP_SECONDS.labels(*labels).observe(time.perf_counter() - began)
        return response(environ, start_response)

    def _respond(self, request: Request) -> tuple[str, Response]:
        route = "none"
        try:
            adapter = self._map.bind("", path_info=request.path, default_method=request.method)
            spec, path = adapter.match()
            route = spec.path
            return route, self._serve(spec, path, request)
        except Exception as error:  # noqa: BLE001 - the door stays open whatever one request meets
            return route, self._service.refuse(_as_problem(error, request), request)

    def _serve(self, spec: Route, path: Any, request: Request) -> Response:
        if spec.browser and spec.method != "GET":
            browsers.refuse_foreign(request)
        actor = self._actor(spec, request)
        path = incoming.path_of(path)
        trace = traceparent_of(request.headers.get("traceparent"))
        context = Context(actor, self._runtime.clock.now(), traceparent=trace)
        call = Call(path=path, context=context)
        call.headers, call.address = dict(request.headers), request.remote_addr or ""
        call.raw = incoming.read_body(request)
        arguments = request.args.to_dict()
        if spec.browser:
            arguments = browsers.filled(arguments)
        if spec.page:
            call.page = page_request(arguments)
        call.query = incoming.load(spec.query, arguments, "query") if spec.query else arguments
        if spec.body:
            given = browsers.form(call.raw) if spec.browser else incoming.json_object(call.raw)
            call.body = incoming.load(spec.body, given, "form" if spec.browser else "body")
        if spec.edits:
            call.if_match = incoming.version(request.headers.get("If-Match"))
        return self._run(spec, call, request)

    def _actor(self, spec: Route, request: Request) -> Any:
        if not spec.roles:
            if spec.method != "GET":
                self._limit.take(caller(request, self._runtime.settings.trusted_proxies))
            return PUBLIC
        header = request.headers.get("Authorization")
        actor = self._gate.actor(browsers.authorization(request) if spec.browser else header)
        if actor.role not in spec.roles:
            raise ForbiddenError(
                f"Role {actor.role} may not do this; it needs {' or '.join(spec.roles)}."
            )
        return actor

    def _run(self, spec: Route, call: Call, request: Request) -> Response:
        method = getattr(self._service, spec.function)
        database = self._runtime.database
        if spec.method == "GET":
            with database.reading() as session:
                return _answer(spec, *_dump(spec, method(session, call)))
        key = request.headers.get("Idempotency-Key") if spec.takes_keys else None
        once = Once(call, request.path, key) if key else None
        with database.transaction() as session:
            if once and (earlier := once.claim(session)):
                return earlier
            result = method(session, call)
            session.flush()
            response = _answer(spec, *_dump(spec, result))
            if once:
                once.keep(session, None if spec.secret else response)
        return response


@cache
def _map_of(service: type) -> Map:
    """The paths of a service class; made once, because werkzeug compiles each with care."""
    rules = [Rule(spec.path, methods=[spec.method], endpoint=spec) for spec in routes_of(service)]
    return Map(rules, strict_slashes=False, merge_slashes=False)


def _as_problem(error: Exception, request: Request) -> LaurelError:
    """What a caller may know of an error."""
    match error:
        case LaurelError():
            return error
        case NotFound():
            return NotFoundError(f"Nothing is served at {request.path}.")
        case MethodNotAllowed():
            allowed = sorted(error.valid_methods or ())
            return MethodNotAllowedError(
                f"{request.method} is not possible here; use {', '.join(allowed)}.", allow=allowed
            )
        case HTTPException():
            return InvalidError(str(error.description), errors=[])
        case SQLAlchemyError() if problem := _as_database_problem(error, request):
            return problem
    _log.error("request-failed", path=request.path, method=request.method, exc_info=error)
    return InternalError("Something failed on our side; nothing was changed. Ask the operators.")


def _as_database_problem(error: SQLAlchemyError, request: Request) -> LaurelError | None:
    match error:
        case OperationalError() | InterfaceError() | PoolTimeoutError():
            _log.error("database-problem", error=str(error)[:300])
            detail = "The database does not answer or is too busy; nothing was changed. Try again."
            return DatabaseUnavailableError(detail)
        case IntegrityError() if getattr(error.orig, "pgcode", None) == UNIQUE_VIOLATION:
            detail = "Another request made the same at the same moment; get it, and try again."
            return ChangedMeanwhileError(detail)
        case StaleDataError():
            detail = "Another request changed the same at the same moment; get it, and try again."
            return ChangedMeanwhileError(detail)
        case DataError():
            _log.warning("value-out-of-range", path=request.path, error=str(error)[:300])
            detail = "A value is larger than can be kept; nothing was changed."
            return InvalidError(detail, errors=[])
    return None


def _dump(spec: Route, result: Any) -> tuple[Any, int | None]:
    if isinstance(result, Response):
        return result, None
    if isinstance(result, Page):
        items = [built(spec.answer).dump(item) if spec.answer else item for item in result.items]
        return {"items": items, "next": result.next_cursor}, None
    dumped = built(spec.answer).dump(result) if spec.answer else result
    return dumped, getattr(result, "version", None)


def _answer(spec: Route, dumped: Any, version: int | None) -> Response:
    if isinstance(dumped, Response):
        return dumped
    body = json.dumps(dumped, ensure_ascii=False, separators=(",", ":"), default=str)
    response = Response(body, status=spec.status, content_type="application/json")
    if version is not None:
        response.set_etag(str(version))
    return response
