"""A small service with every kind of route, on the real web stack: it lends books."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from marshmallow import Schema, fields, validate
from sqlalchemy import String, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.spine.rows import found
from shared.testing import Laurel
from shared.web.paging import keyset
from shared.web.routes import ServiceApi, route


class Base(DeclarativeBase):
    """The table of this service."""


class Book(Base):
    __tablename__ = "books"

    title: Mapped[str] = mapped_column(String(40), primary_key=True)
    copies: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)


class ShelfIn(Schema):
    room = fields.String(required=True, validate=validate.OneOf(["north", "south"]))


class BookIn(Schema):
    title = fields.String(required=True, validate=validate.Length(1, 400))
    copies = fields.Integer(load_default=1, strict=True)
    shelf = fields.Nested(ShelfIn)


class BookOut(Schema):
    title = fields.String()
    copies = fields.Integer()


class CopiesIn(Schema):
    copies = fields.Integer(required=True, strict=True)


class CopiesQuery(Schema):
    copies = fields.Integer(load_default=None)


class Library(ServiceApi):
    """Lends books."""

    name = "intake"
    failing = False

    @route("POST", "/v1/books", role=("official", "unit"), body=BookIn, answer=BookOut, status=201)
    def add_book(self, session, call):
        """Add a book."""
        session.add(Book(title=call.body["title"], copies=call.body["copies"]))
        session.flush()
        if self.failing:
            raise RuntimeError("the shelf with the secret fell down")
        return session.get_one(Book, call.body["title"])

    @route("GET", "/v1/books", query=CopiesQuery, answer=BookOut, page=True)
    def list_books(self, session, call):
        """List the books."""
        return keyset(session, select(Book), call.page)

    @route("GET", "/v1/books/<title>", answer=BookOut)
    def show_book(self, session, call):
        """Show a book."""
        return _book(session, call)

    @route("PUT", "/v1/books/<title>", role="official", body=CopiesIn, answer=BookOut, edits=True)
    def edit_book(self, session, call):
        """Change how many copies there are."""
        book = _book(session, call)
        call.check_version(book.version)
        book.copies, book.version = call.body["copies"], book.version + 1
        return book

    @route("POST", "/v1/wishes", body=BookIn, status=201)
    def wish(self, session, call):
        """Wish for a book: whoever passes by may."""
        return {"wished": call.body["title"]}


def _book(session, call):
    return found(session, Book, call.path["title"])


class Stack(Laurel):
    """The library and its visitors."""

    def __init__(self, directory, environ=None):
        super().__init__(directory, environ, classes=[Library])
        self.library = self.services["intake"]
        self.client = self.http("intake")
        self.official = self.token("official")
        Base.metadata.create_all(self.runtime("intake").database.engine)

    def add(self, title, headers=None, **more):
        headers = self.official if headers is None else headers
        return self.client.post("/v1/books", json={"title": title} | more, headers=headers)

    def count(self):
        with self.session("intake") as session:
            return session.scalar(select(func.count()).select_from(Book))


@pytest.fixture
def stack(tmp_path):
    with Stack(tmp_path) as stack:
        yield stack


@pytest.fixture
def real_stack(tmp_path, postgres_url):
    with Stack(tmp_path, {"LAUREL_DATABASE_URL": postgres_url}) as stack:
        yield stack


@pytest.fixture(params=["stack", "real_stack"])
def both(request):
    """SQLite, then PostgreSQL."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def open_stack(tmp_path):
    """Opens the library with settings of the test's own."""
    opened = []

    def open_(**environ):
        opened.append(Stack(tmp_path, environ))
        return opened[-1]

    yield open_
    for stack in opened:
        stack.close()


class Issuer:
    """An identity provider's key set; `document` is what it serves, None for a failure."""

    def __init__(self):
        self.document, self.asked = {"keys": []}, 0

    def serve(self, *keys):
        self.document = {"keys": [key.as_dict(private=False) for key in keys]}


@pytest.fixture
def issuer():
    end = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            end.asked += 1
            told = end.document
            body = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(200 if end.document is not None else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments):
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    end.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
    yield end
    server.shutdown()
    thread.join()
    server.server_close()
