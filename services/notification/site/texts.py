"""The words of the public site, from texts.yaml: one place for both languages."""

import importlib.resources
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML

LANGUAGES = ("zh", "en")
Words = Mapping[str, Mapping[str, str]]

_ALL: Mapping[str, Words] = YAML(typ="safe").load(
    (importlib.resources.files(__package__) / "texts.yaml").read_text(encoding="utf-8")
)
PAGES, STATES, EVENTS = _ALL["pages"], _ALL["states"], _ALL["events"]
OUTCOMES, METHODS, OUTLETS = _ALL["outcomes"], _ALL["methods"], _ALL["outlets"]


def text(language: str, name: str, **values: Any) -> str:
    """The words of that name, filled in."""
    return PAGES[name][language].format(**values)


def word(words: Words, name: str, language: str) -> str:
    """One word in a language; a name that has none is shown as it is."""
    return words[name][language] if name in words else name
