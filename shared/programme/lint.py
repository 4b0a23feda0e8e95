"""Reads a programme definition in YAML and tells, line by line, what is wrong with it."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.parser import RoundTripParser

from shared.errors import InvalidError
from shared.programme.definition import normalise
from shared.programme.schema import DEFINITION, UNIT_KINDS

# What else the parser raises: over a number in a directive, say.
PARSER_FAULTS = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)
MAX_CHARACTERS, MAX_VALUE, MAX_DEPTH, MAX_EVENTS = 65_536, 2_000, 20, 5_000
TOO_MANY = f"more than {MAX_EVENTS // 2} keys and values: no round has so many"
INSTANT = "must be a day and time with its offset, like 2020-10-12T00:00:00+08:00"
ADVICE = {
    "Missing data for required field.": "is missing: add it",
    "Field may not be null.": "must have a value",
    "Not a valid string.": "must be text: put it in quotes",
    "Not a valid datetime.": INSTANT,
    "Not a valid aware datetime.": INSTANT,
    "Not a valid date.": "must be a day like 2020-10-12",
    "Not a valid boolean.": "must be true or false",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One fault: its line (from 1), the field it is about, and what to change."""

    line: int
    where: str
    message: str

    def __str__(self) -> str:
        where = f"{self.where}: " if self.where else ""
        return f"line {self.line}: {where}{self.message}"


class _AsWritten(RoundTripConstructor):
    """Keeps decimals and times as they are written, so that 0.1 stays exactly 0.1."""


for _tag in ("float", "timestamp"):
    _AsWritten.add_constructor(f"tag:yaml.org,2002:{_tag}", lambda _loader, node: node.value)


class _Bounded(RoundTripParser):
    """Refuses what no definition needs and what could exhaust us, before anything is built."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._seen, self._depth = 0, 0

    def get_event(self) -> Any:
        """The next event; raises MarkedYAMLError for a trap."""
        event = super().get_event()
        self._seen += 1
        self._depth += isinstance(event, CollectionStartEvent)
        self._depth -= isinstance(event, CollectionEndEvent)
        if trap := TOO_MANY if self._seen > MAX_EVENTS else _trap(event, self._depth):
            raise MarkedYAMLError(problem=trap, problem_mark=event.start_mark)
        return event


def read_programme(text: str) -> dict[str, Any]:
    """The normalised definition in a YAML text; raises InvalidError listing every finding."""
    findings, definition = _examine(text)
    if findings:
        raise InvalidError(
            f"The programme definition has {len(findings)} faults; the first: {findings[0]}",
            errors=[
                {"line": item.line, "field": item.where, "message": item.message}
                for item in findings
            ],
        )
    return normalise(definition)


def lint(text: str) -> list[Finding]:
    """Every fault of a YAML text, sorted by line; empty when it can be published."""
    return _examine(text)[0]


def _examine(text: str) -> tuple[list[Finding], Any]:
    try:
        definition = _parse(text)
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return [Finding(line, "", f"cannot be read: {error.problem}")], {}
    except YAMLError as error:
        return [Finding(1, "", str(error))], {}
    except PARSER_FAULTS:
        return [Finding(1, "", "cannot be read: it is no YAML")], {}
    if not isinstance(definition, Mapping):
        return [Finding(1, "", "must be a mapping that begins with 'id:'")], {}
    try:
        DEFINITION.load(_plain(definition))
    except ValidationError as error:
        return sorted(_findings(error.messages, definition, [])), {}
    return sorted(_findings(_forgotten(definition), definition, [])), _plain(definition)


def _forgotten(definition: Mapping[str, Any]) -> dict[str, Any]:
    """What a definition may lack, and a round must say: else all units of a kind get no places."""
    missing = [kind for kind in UNIT_KINDS if kind not in definition["unit_quotas"]]
    words = "is missing: write 0 if these units get no places"
    return {"unit_quotas": {kind: [words] for kind in missing}} if missing else {}


def _parse(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise YAMLError(f"longer than {MAX_CHARACTERS} characters")
    yaml = YAML(typ="rt")
    yaml.Parser, yaml.Constructor = _Bounded, _AsWritten
    return yaml.load(text)


def _trap(event: Any, depth: int) -> str | None:
    if isinstance(event, AliasEvent):
        return "aliases (*name) are not read: write the value out"
    if getattr(event, "tag", None):
        return f"tags ({event.tag}) are not read: write the plain value"
    if len(getattr(event, "value", "")) > MAX_VALUE:
        return f"the value is longer than {MAX_VALUE} characters"
    return f"nested deeper than {MAX_DEPTH} levels" if depth > MAX_DEPTH else None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, str):
        return str(value)
    return value


def _findings(messages: Any, node: Any, path: list[Any]) -> Iterator[Finding]:
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            is_wrapper = key == "_schema" or (
                key in {"key", "value"} and len(path) > 1 and isinstance(path[-1], str)
            )  # of a fields.Dict
            yield from _findings(inner, node, path if is_wrapper else [*path, key])
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            where = ".".join(map(str, path))
            yield Finding(_line(node, path), where, _advice(str(message), path))


def _line(text: Any, path: list[Any]) -> int:
    """The line of the deepest part of the path that the text has."""
    line, node = 1, text
    for key in path:
        known = key if not isinstance(node, list) else int(key)
        try:
            at: Any = node.lc
            position = at.item(known) if isinstance(node, list) else at.key(known)
            line, node = position[0] + 1, node[known]
        except (AttributeError, IndexError, KeyError, TypeError):
            break
    return line


def _advice(message: str, path: list[Any]) -> str:
    if message != "Unknown field.":
        return ADVICE.get(message, message)
    near = difflib.get_close_matches(str(path[-1]), _known_keys(), 1)
    return "there is no such key" + (f"; did you mean '{near[0]}'?" if near else "; remove it")


def _known_keys() -> list[str]:
    names: list[str] = []
    todo = [DEFINITION]
    while todo:
        for name, field in todo.pop().fields.items():
            names.append(field.data_key or name)
            inner = getattr(field, "inner", None) or getattr(field, "value_field", None) or field
            if hasattr(inner, "schema"):
                todo.append(inner.schema)
    return names
