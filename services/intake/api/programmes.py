"""Routes of the ministry's officials: rounds and recommending units."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.intake import models
from services.intake.api.schemas import ProgrammeIn, ProgrammeOut, UnitIn, UnitOut
from services.intake.commands import programmes
from shared.programme.lint import read_programme
from shared.spine.rows import found, version_of
from shared.web.paging import keyset
from shared.web.routes import Call, Page, ServiceApi, route


class ProgrammeRoutes(ServiceApi):
    """Publishing rounds, keeping the register of units."""

    @route(
        "POST",
        "/v1/programmes",
        role="official",
        body=ProgrammeIn,
        answer=ProgrammeOut,
        status=201,
        edits=True,
    )
    def publish_programme(self, session: Session, call: Call) -> models.Programme:
        """Publish a programme definition in YAML as the round's next edition.

        What is wrong with it is listed with line numbers under `errors`.
        """
        definition = read_programme(call.body["yaml"])
        call.check_version(version_of(session, models.Programme, definition["id"]))
        return programmes.publish_programme(session, definition, call.context)

    @route("GET", "/v1/programmes", answer=ProgrammeOut, page=True)
    def list_programmes(self, session: Session, call: Call) -> Page:
        """List the rounds."""
        return keyset(session, select(models.Programme), call.page)

    @route("GET", "/v1/programmes/<programme>", answer=ProgrammeOut)
    def show_programme(self, session: Session, call: Call) -> models.Programme:
        """Show one round with its definition."""
        return found(session, models.Programme, call.path["programme"])

    @route("GET", "/v1/units", answer=UnitOut, page=True)
    def list_units(self, session: Session, call: Call) -> Page:
        """List the register of recommending units."""
        return keyset(session, select(models.RecommendingUnit), call.page)

    @route("PUT", "/v1/units/<code>", role="official", body=UnitIn, answer=UnitOut, edits=True)
    def register_unit(self, session: Session, call: Call) -> models.RecommendingUnit:
        """Enter a unit in the register, or change its entry."""
        code = call.path["code"]
        call.check_version(version_of(session, models.RecommendingUnit, code))
        return programmes.register_unit(session, code, call.body)
