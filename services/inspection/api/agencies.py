"""Routes of the directory of agencies: their keys and inspectors."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.inspection.api.schemas.agencies import (
    AgencyIn,
    AgencyOut,
    InspectorIn,
    InspectorOut,
    KeyIn,
    KeyOut,
)
from services.inspection.commands import agencies
from services.inspection.models.agencies import Agency, AgencyKey, Inspector
from shared.spine.rows import version_of
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class AgencyRoutes(ServiceApi):
    """Who inspects."""

    @route(
        "POST",
        "/v1/agencies",
        role="official",
        body=AgencyIn,
        answer=AgencyOut,
        status=201,
        edits=True,
    )
    def register_agency(self, session: Session, call: Call) -> Agency:
        """Register a third-party agency, or change its entry."""
        call.check_version(version_of(session, Agency, call.body["code"]))
        return agencies.register_agency(session, call.body, call.context)

    @route("GET", "/v1/agencies", role=("official", "operator"), answer=AgencyOut, page=True)
    def list_agencies(self, session: Session, call: Call) -> Page:
        """List the agencies."""
        return keyset(session, select(Agency), call.page)

    @route(
        "POST", "/v1/agencies/<agency>/keys", role="official", body=KeyIn, answer=KeyOut, status=201
    )
    def add_key(self, session: Session, call: Call) -> AgencyKey:
        """Register a public key of an agency with its validity."""
        return agencies.add_key(session, call.path["agency"], call.body, call.context)

    @route("POST", "/v1/agencies/<agency>/keys/<kid>/end", role="official", answer=KeyOut)
    def end_key(self, session: Session, call: Call) -> AgencyKey:
        """End a key's validity now."""
        return agencies.end_key(session, call.path["agency"], call.path["kid"], call.context)

    @route(
        "POST",
        "/v1/inspectors",
        role="official",
        body=InspectorIn,
        answer=InspectorOut,
        status=201,
        edits=True,
    )
    def register_inspector(self, session: Session, call: Call) -> Inspector:
        """Register an inspector of an agency, or change the entry."""
        call.check_version(version_of(session, Inspector, call.body["code"]))
        return agencies.register_inspector(session, call.body, call.context)
