"""Publishing a round, and the register of recommending units with their places."""

import csv
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.intake import models, rules
from shared.catalogue import PROGRAMME_PUBLISHED
from shared.programme.definition import parse
from shared.programme.schema import UNIT_KINDS
from shared.programme.values import Programme
from shared.spine.context import Context
from shared.spine.outbox import record
from shared.turns import take_turns

UNITS_FILE = Path(__file__).parents[1] / "data" / "recommending_units.csv"
PLACES = "places"  # a new unit and a new round must each see the other
REGION_EDITION = "GB/T 2260-2007"


def publish_programme(
    session: Session, definition: dict[str, Any], context: Context
) -> models.Programme:
    """Put a definition into force as the round's next edition, with the units' places in it."""
    programme = parse(definition)
    take_turns(session, models.Turn, [PLACES])
    row = session.get(models.Programme, programme.id, with_for_update=True)
    if row is None:
        row = models.Programme(id=programme.id, edition=0, rule_versions={})
        session.add(row)
    row.rule_versions = rules.named_once(row.rule_versions, definition["inspection"])
    row.edition += 1
    row.definition = definition
    row.published_at, row.published_by = context.now, str(context.actor)
    _load_register(session)
    units = session.scalars(select(models.RecommendingUnit)).all()
    rules.check_units(programme.unit_quotas, {*UNIT_KINDS, *(unit.code for unit in units)})
    _set_places(session, programme)
    record(session, PROGRAMME_PUBLISHED, row, context, units=units)
    return row


def register_unit(session: Session, code: str, values: dict[str, Any]) -> models.RecommendingUnit:
    """Enter a unit in the register, or change its entry; its places follow its kind."""
    rules.check_unit_code(code)
    take_turns(session, models.Turn, [PLACES])
    unit = session.get(models.RecommendingUnit, code) or models.RecommendingUnit(code=code)
    for name, value in values.items():
        setattr(unit, name, value)
    session.add(unit)
    session.flush()
    for row in session.scalars(select(models.Programme)):
        _set_places(session, parse(row.definition))
    return unit


@cache
def _shipped_units() -> tuple[dict[str, Any], ...]:
    with UNITS_FILE.open(encoding="utf-8", newline="") as file:
        return tuple(
            {
                "code": line["code"],
                "kind": line["kind"],
                "name_zh": line["name_zh"],
                "name_en": line["name_en"],
                "region_code": line["region_code_gbt2260"] or None,
                "region_edition": REGION_EDITION if line["region_code_gbt2260"] else None,
            }
            for line in csv.DictReader(file)
        )


def _load_register(session: Session) -> None:
    known = set(session.scalars(select(models.RecommendingUnit.code)))
    new = (unit for unit in _shipped_units() if unit["code"] not in known)
    session.add_all(models.RecommendingUnit(**unit) for unit in new)
    session.flush()


def _set_places(session: Session, programme: Programme) -> None:
    quotas = {
        row.unit: row
        for row in session.scalars(
            select(models.UnitQuota).where(models.UnitQuota.programme == programme.id)
            .with_for_update()
        )
    }  # fmt: skip
    for unit in session.scalars(select(models.RecommendingUnit)):
        places = programme.quota_of(unit.code, unit.kind)
        if unit.code in quotas:
            quotas[unit.code].places = places
        else:
            row = models.UnitQuota(
                programme=programme.id, unit=unit.code, places=places, used=0, numbered=0
            )
            session.add(row)
