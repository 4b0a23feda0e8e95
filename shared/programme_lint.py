"""Reads a programme definition in YAML and tells, line by line, what is wrong with it."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from marshmallow import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent

from shared.errors import InvalidError
from shared.programme import DEFINITION, normalise

MAX_CHARACTERS = 262_144


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
        return [Finding(line, "", f"not YAML: {error.problem}")], {}
    except YAMLError as error:
        return [Finding(1, "", str(error))], {}
    if not isinstance(definition, Mapping):
        return [Finding(1, "", "must be a mapping that begins with 'id:'")], {}
    try:
        DEFINITION.load(_plain(definition))
    except ValidationError as error:
        return sorted(_findings(error.messages, definition, [])), {}
    return [], _plain(definition)


def _parse(text: str) -> Any:
    if len(text) > MAX_CHARACTERS:
        raise YAMLError(f"longer than {MAX_CHARACTERS} characters")
    yaml = YAML(typ="rt")
    yaml.Constructor = _AsWritten
    if any(isinstance(event, AliasEvent) for event in YAML().parse(text)):
        raise YAMLError("aliases (*name) are not read: write the value out")
    return yaml.load(text)


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
            own = [] if key == "_schema" else [key]
            yield from _findings(inner, node, path + own)
    else:
        for message in messages if isinstance(messages, list) else [messages]:
            yield Finding(_line(node, path), _name(path), _advice(str(message), path))


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


def _name(path: list[Any]) -> str:
    return ".".join(str(key) for key in path if key not in ("key", "value"))


def _advice(message: str, path: list[Any]) -> str:
    if message != "Unknown field.":
        return message
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
