"""What a route is: `@route` on a method, a `Call` in, a plain object out."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

from marshmallow import Schema

from shared.errors import StaleVersionError
from shared.spine.context import Actor, Context
from shared.web.paging import PageRequest

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True)
class Route:
    """One route: what it takes, what it gives, and who may call it."""

    method: str
    path: str
    roles: tuple[str, ...]
    body: type[Schema] | None
    query: type[Schema] | None
    answer: type[Schema] | None
    status: int
    page: bool
    edits: bool
    produces: str
    browser: bool
    secret: bool
    doc: str
    function: str = ""

    @property
    def takes_keys(self) -> bool:
        """Whether an Idempotency-Key counts: where nobody is asked who they are, all share one."""
        return self.method == "POST" and bool(self.roles)


@dataclass
class Call:
    """One request, parsed: what a route method gets."""

    path: Mapping[str, Any]
    context: Context
    body: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    page: PageRequest = field(default_factory=PageRequest)
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    if_match: int | None = None
    address: str = ""  # of whoever is connected to us: a caller, or a proxy

    @property
    def actor(self) -> Actor:
        """Who calls."""
        return self.context.actor

    @property
    def now(self) -> datetime:
        """Programme time."""
        return self.context.now

    def check_version(self, version: int) -> None:
        """Raise StaleVersionError when the caller edits another version than the present one."""
        if self.if_match is not None and self.if_match != version:
            raise StaleVersionError(
                f"You edit version {self.if_match}, the present one is {version}: get it again and "
                f'send If-Match: "{version}".'
            )


@cache
def built(schema: type[Schema]) -> Schema:
    """The schema, built once: building one takes longer than loading with it."""
    return schema()


PUBLIC = Actor(id="public", role="public")


def route(
    method: str,
    path: str,
    *,
    role: str | tuple[str, ...] | None = None,
    body: type[Schema] | None = None,
    query: type[Schema] | None = None,
    answer: type[Schema] | None = None,
    status: int = 200,
    page: bool = False,
    edits: bool = False,
    produces: str = "application/json",
    browser: bool = False,
    secret: bool = False,
) -> Callable[[Method], Method]:
    """Serve a method `(self, session, call)` at a path; `role=None` is open to the public.

    `browser`: a page behind a login; its token may come in a cookie, its body is a form. `secret`:
    the answer is given once, and never kept for an Idempotency-Key.
    """
    roles = (role,) if isinstance(role, str) else tuple(role or ())

    def mark(function: Method) -> Method:
        function.__route__ = Route(  # type: ignore[attr-defined]
            method,
            path,
            roles,
            body,
            query,
            answer,
            status,
            page,
            edits,
            produces,
            browser,
            secret,
            inspect.getdoc(function) or "",
            function.__name__,
        )
        return function

    return mark


def routes_of(cls: type) -> Iterator[Route]:
    """Every route of a service class, in the order of their paths."""
    found = [
        function.__route__
        for _name, function in inspect.getmembers(cls, inspect.isfunction)
        if hasattr(function, "__route__")
    ]
    return iter(sorted(found, key=lambda spec: (spec.path, spec.method)))
