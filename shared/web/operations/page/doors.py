"""Coming in, going out, and what is said when something is refused."""

import importlib.resources
from typing import Any

from marshmallow import Schema, fields, validate
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Request, Response

from shared.errors import LaurelError, UnauthenticatedError
from shared.runtime import Runtime
from shared.web import browsers
from shared.web.browsers import MAX_TOKEN, PLACE
from shared.web.operations.page import render
from shared.web.spec import Call, route

LOGIN = f"{PLACE}/login"
FILES = {"style.css": "text/css; charset=utf-8", "mark.svg": "image/svg+xml"}
OWN_ADDRESS = validate.Regexp(rf"{PLACE}([/?][!-~]*)?\Z", error="must be one of our own pages")
TOKEN = validate.And(
    validate.Length(
        max=MAX_TOKEN,
        error=f"is longer than the {MAX_TOKEN} characters that a "
        "browser keeps; have a proxy send it as Authorization header",
    ),
    validate.Regexp(r"[\w.~+/=-]+\Z", error="is no bearer token"),
)


class Credentials(Schema):
    """A bearer token, and the page to go on to."""

    token = fields.String(required=True, validate=TOKEN)
    to = fields.String(load_default=PLACE, validate=OWN_ADDRESS)


class DoorPages:
    """Login and logout."""

    runtime: Runtime

    @route("GET", LOGIN, produces="text/html", browser=True)
    def show_login(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Ask for a token."""
        return _login(self.runtime, PLACE, 200)

    @route("POST", LOGIN, body=Credentials, status=303, produces="text/html", browser=True)
    def log_in(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Have the browser keep a token; the next page tells whether it is a good one."""
        response = render.go_to(call.body["to"])
        browsers.keep_token(response, call.body["token"], call.headers.get("Origin", ""))
        return response

    @route("POST", f"{PLACE}/logout", status=303, produces="text/html", browser=True)
    def log_out(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Have the browser forget its token."""
        response = render.go_to(LOGIN)
        browsers.forget_token(response)
        return response

    @route("GET", f"{PLACE}/<any({','.join(FILES)}):name>", produces="text/css")
    def show_operations_file(self, session: Any, call: Call) -> Response:  # noqa: ARG002 - one signature
        """Give the style sheet, or the mark."""
        name = str(call.path["name"])
        body = (importlib.resources.files(__package__) / name).read_bytes()
        headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(body, content_type=FILES[name], headers=headers)


def is_page(path: str) -> bool:
    """Whether the path is one of the operator's pages."""
    return path == PLACE or path.startswith(f"{PLACE}/")


def refusal(runtime: Runtime, error: LaurelError, request: Request) -> Response:
    """The page that tells about an error: the login where a good token is what is missing."""
    if isinstance(error, UnauthenticatedError) or request.path == LOGIN:
        here = iri_to_uri(request.full_path.rstrip("?")) if request.method == "GET" else PLACE
        has_token = browsers.authorization(request) is not None or request.method == "POST"
        is_from_elsewhere = request.headers.get("Sec-Fetch-Site") == "cross-site"
        return _login(
            runtime,
            PLACE if here.startswith(LOGIN) else here,
            error.status,
            reason=error.detail if has_token else None,
            is_from_elsewhere=is_from_elsewhere,
        )
    return render.page("problem.html", runtime, status=error.status, error=error)


def _login(
    runtime: Runtime,
    to: str,
    status: int,
    *,
    reason: str | None = None,
    is_from_elsewhere: bool = False,
) -> Response:
    return render.page(
        "login.html",
        runtime,
        status=status,
        to=to,
        login=LOGIN,
        most=MAX_TOKEN,
        reason=reason,
        is_from_elsewhere=is_from_elsewhere,
    )
