"""One service's WSGI application: authenticate, parse, one method in one transaction, answer."""

import json
import time
from collections.abc import Callable, Iterable
from typing import Any

import structlog
from marshmallow import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, Rule
from werkzeug.wrappers import Request, Response

from shared.errors import ForbiddenError, InvalidError, LaurelError, NotFoundError
from shared.runtime import Runtime
from shared.telemetry import HTTP_REQUESTS, HTTP_SECONDS
from shared.web.access import Gate
from shared.web.idempotency import Once
from shared.web.paging import Page, page_request
from shared.web.problems import invalid, problem
from shared.web.spec import PUBLIC, Call, Route, routes_of

MAX_BODY_BYTES = 1_048_576
_log = structlog.get_logger(__name__)


class MethodNotAllowedError(LaurelError):
    """The path is right, the method is not."""

    slug = "method-not-allowed"
    status = 405


class TooLargeError(LaurelError):
    """The body is larger than is read."""

    slug = "body-too-large"
    status = 413


class DatabaseAwayError(LaurelError):
    """The database does not answer; nothing was changed."""

    slug = "database-unavailable"
    status = 503


class InternalError(LaurelError):
    """A fault of ours; the log has it, the answer does not."""

    slug = "internal-error"
    status = 500


class WebApp:
    """Serves the routes of one service object."""

    def __init__(self, service: Any, runtime: Runtime) -> None:
        self._service, self._runtime = service, runtime
        self._gate = Gate(runtime.settings)
        rules = [
            Rule(spec.path, methods=[spec.method], endpoint=spec)
            for spec in routes_of(type(service))
        ]
        self._map = Map(rules, strict_slashes=False)

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """WSGI."""
        request = Request(environ)
        began = time.perf_counter()
        route, response = self._respond(request, self._map.bind_to_environ(environ))
        labels = (self._runtime.service, route, request.method)
        HTTP_REQUESTS.labels(*labels, str(response.status_code)).inc()
        HTTP_SECONDS.labels(*labels).observe(time.perf_counter() - began)
        return response(environ, start_response)

    def _respond(self, request: Request, adapter: MapAdapter) -> tuple[str, Response]:
        route = "none"
        try:
            spec, path = adapter.match()
            route = spec.path
            return route, self._serve(spec, path, request)
        except Exception as error:  # noqa: BLE001 - the door stays open whatever one request meets
            return route, problem(_as_problem(error, request), request.path)

    def _serve(self, spec: Route, path: Any, request: Request) -> Response:
        actor = self._actor(spec, request)
        call = Call(path=path, now=self._runtime.clock.now(), actor=actor)
        call.headers = dict(request.headers)
        call.raw = _read(request)
        arguments = request.args.to_dict()
        if spec.page:
            call.page = page_request(arguments)
        call.query = _load(spec.query, arguments, "query") if spec.query else arguments
        if spec.body:
            call.body = _load(spec.body, _json(call.raw), "body")
        if spec.edits:
            call.if_match = _if_match(request.headers.get("If-Match"))
        return self._run(spec, call, request)

    def _actor(self, spec: Route, request: Request) -> Any:
        if not spec.roles:
            return PUBLIC
        actor = self._gate.actor(request.headers.get("Authorization"))
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
        key = request.headers.get("Idempotency-Key") if spec.method == "POST" else None
        once = Once(call, request.path, key) if key else None
        with database.transaction() as session:
            session.info["traceparent"] = request.headers.get("traceparent")
            if once and (earlier := once.claim(session)):
                return _answer(spec, earlier[1], None, earlier[0])
            result = method(session, call)
            session.flush()
            dumped, version = _dump(spec, result)
            if once and not isinstance(dumped, Response):
                once.keep(session, spec.status, dumped)
        return _answer(spec, dumped, version)


def _as_problem(error: Exception, request: Request) -> LaurelError:
    """What a caller may know of an error."""
    match error:
        case LaurelError():
            return error
        case NotFound():
            return NotFoundError(f"Nothing is served at {request.path}.")
        case MethodNotAllowed():
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return MethodNotAllowedError(f"{request.method} is not possible here; use {allowed}.")
        case HTTPException():
            return InvalidError(str(error.description), errors=[])
        case OperationalError() | InterfaceError() | PoolTimeoutError():
            _log.error("database-problem", error=str(error)[:300])
            detail = "The database does not answer or is too busy; nothing was changed. Try again."
            return DatabaseAwayError(detail)
    _log.error("request-failed", path=request.path, method=request.method, exc_info=error)
    return InternalError("Something failed on our side; nothing was changed. Ask the operators.")


def _read(request: Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise TooLargeError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    body: bytes = request.stream.read(MAX_BODY_BYTES + 1)
    if len(body) > MAX_BODY_BYTES:
        raise TooLargeError(f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return body


def _json(raw: bytes) -> Any:
    try:
        value = json.loads(raw.decode() or "{}")
    except (ValueError, RecursionError) as error:
        raise InvalidError(f"The body is not JSON in UTF-8: {error}.", errors=[]) from error
    if not isinstance(value, dict):
        raise InvalidError("The body must be a JSON object.", errors=[])
    return value


def _load(schema: type[Any], values: Any, where: str) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema().load(values)
    except ValidationError as error:
        raise invalid(error, where) from error
    return loaded


def _if_match(header: str | None) -> int | None:
    if header is None:
        return None
    text = header.strip().removeprefix("W/").strip('"')
    if not text.isdigit():
        raise InvalidError(f"If-Match must be an ETag that we gave, not {header!r}.", errors=[])
    return int(text)


def _dump(spec: Route, result: Any) -> tuple[Any, int | None]:
    if isinstance(result, Response):
        return result, None
    if isinstance(result, Page):
        items = [spec.answer().dump(item) if spec.answer else item for item in result.items]
        return {"items": items, "next": result.next_cursor}, None
    version = (
        result.get("sequence") if isinstance(result, dict) else getattr(result, "sequence", None)
    )
    return (spec.answer().dump(result) if spec.answer else result), version


def _answer(spec: Route, dumped: Any, version: int | None = None, status: int = 0) -> Response:
    if isinstance(dumped, Response):
        return dumped
    body = json.dumps(dumped, ensure_ascii=False, separators=(",", ":"), default=str)
    response = Response(body, status=status or spec.status, content_type="application/json")
    if version is not None:
        response.set_etag(str(version))
    return response
