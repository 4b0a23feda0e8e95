"""Reading a programme definition from plain data, and writing it out whole."""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from shared.programme.schema import DEFINITION
from shared.programme.values import Criterion, Direction, InspectionPolicy, Programme


def parse(definition: Mapping[str, Any]) -> Programme:
    """Read a definition; raises marshmallow's ValidationError naming every wrong field."""
    return _parse(json.dumps(definition))


def parse_policy(policy: Mapping[str, Any]) -> InspectionPolicy:
    """Read the definition's part about inspections; raises ValidationError."""
    return _parse_policy(json.dumps(policy))


@lru_cache(maxsize=64)
def _parse_policy(policy: str) -> InspectionPolicy:
    return _policy(DEFINITION.fields["inspection"].deserialize(json.loads(policy)))


def _policy(loaded: Mapping[str, Any]) -> InspectionPolicy:
    keys = {name: tuple(loaded[name]) for name in ("hard_gates", "finding_keys")}
    return InspectionPolicy(**{**loaded, **keys})


@lru_cache(maxsize=64)
def _parse(definition: str) -> Programme:
    loaded = DEFINITION.load(json.loads(definition))
    directions = {
        item["number"]: Direction(
            item["number"], item["class_code"], item["name_zh"], item["name_en"], item["quota"]
        )
        for item in loaded["directions"]
    }
    return Programme(
        id=loaded["id"],
        name_zh=loaded["name_zh"],
        name_en=loaded["name_en"],
        opens_at=loaded["submission"]["opens_at"],
        closes_at=loaded["submission"]["closes_at"],
        classes=loaded["classes"],
        directions=directions,
        required_evidence=tuple(loaded["required_evidence"]),
        unit_quotas=loaded["unit_quotas"],
        total_quota=loaded["total_quota"],
        experts_per_application=loaded["experts_per_application"],
        correction_days=loaded["correction_days"],
        rubric=tuple(Criterion(**item) for item in loaded["rubric"]),
        publicity_working_days=loaded["publicity_working_days"],
        validity_years=loaded["validity_years"],
        workday_overrides=loaded["workday_overrides"],
        inspection=_policy(loaded["inspection"]),
    )


def normalise(definition: Mapping[str, Any]) -> dict[str, Any]:
    """The definition as JSON values with every default filled in; raises ValidationError."""
    dumped: dict[str, Any] = DEFINITION.dump(DEFINITION.load(definition))
    return dumped
