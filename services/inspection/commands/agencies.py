"""Agencies, their keys, and their inspectors."""

from typing import Any

from sqlalchemy import String, cast
from sqlalchemy.orm import Session

from services.inspection.commands.inspections import void_in_conflict
from services.inspection.models.agencies import Agency, AgencyKey, Inspector, Message
from services.inspection.models.inspections import Inspection
from services.inspection.rules.receipts import Code
from shared.agency.signing import load_public_key, public_part
from shared.catalogue import AGENCY_RECEIPT
from shared.errors import InvalidError, LaurelError
from shared.spine.context import Context
from shared.spine.envelope import new_id
from shared.spine.outbox import record
from shared.spine.rows import found, locked


class KeyExistsError(LaurelError):
    """That key id is taken; key ids are never used again."""

    slug = "key-exists"


def register_agency(session: Session, values: dict[str, Any], context: Context) -> Agency:
    """Enter an agency in the directory, or change its entry."""
    agency = session.get(Agency, values["code"], with_for_update=True)
    if agency is None:
        agency = Agency(code=values["code"], registered_at=context.now)
        session.add(agency)
    agency.name = values["name"]
    agency.legal_representative = values["legal_representative"]
    return agency


def add_key(session: Session, code: str, values: dict[str, Any], context: Context) -> AgencyKey:
    """Register a key with its validity; the receipt of it makes the agency's receipts queue."""
    found(session, Agency, code)
    load_public_key(values["public_jwk"])
    if values["valid_to"] <= values["valid_from"]:
        raise InvalidError.at("valid_to", "must be after valid_from")
    if session.get(AgencyKey, (code, values["kid"])) is not None:
        raise KeyExistsError(f"Agency {code} has a key {values['kid']!r} already; name it anew.")
    key = AgencyKey(agency=code, **values | {"public_jwk": public_part(values["public_jwk"])})
    session.add(key)
    receipt = Message(
        receipt=new_id(),
        agency=code,
        digest="",
        body=b"",
        channel="https",
        status="registered",
        code=Code.KEY_REGISTERED,
        reason=f"Key {values['kid']} is registered.",
        received_at=context.now,
        reasons_zh=[],
        reasons_en=[],
    )
    record(session, AGENCY_RECEIPT, receipt, context)
    return key


def end_key(session: Session, code: str, kid: str, context: Context) -> AgencyKey:
    """End a key's validity now; what it signed before stays valid."""
    key = locked(session, AgencyKey, (code, kid))
    key.valid_to = min(key.valid_to, context.now)
    return key


def register_inspector(session: Session, values: dict[str, Any], context: Context) -> Inspector:
    """Enter an inspector in the directory, or change the entry; a declared conflict stays.

    An inspection that the inspector was drawn for and may not make any more is void.
    """
    found(session, Agency, values["agency"])
    known = session.get(Inspector, values["code"], with_for_update=True)
    conflicts = {*values["conflicts"], *(known.conflicts if known else ())}
    inspector = session.merge(Inspector(**values | {"conflicts": sorted(conflicts)}))
    session.flush()
    is_drawn = cast(Inspection.inspectors, String).contains(f'"{inspector.code}"', autoescape=True)
    void_in_conflict(session, is_drawn, context)
    return inspector
