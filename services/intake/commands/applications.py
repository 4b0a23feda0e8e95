"""An application until it is submitted, and its later states as other services decide them."""

import unicodedata
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.intake import models, rules
from services.intake.commands.decisions import tell
from services.intake.rules import Move
from shared.catalogue import APPLICATION_SUBMITTED
from shared.errors import ForbiddenError, InvalidError
from shared.programme.kept import programme_of
from shared.project import State, UndertakerBarredError
from shared.spine.context import Actor, Context
from shared.spine.envelope import Event
from shared.spine.rows import locked

STATED = ("project", "programme", "unit", "uscc", "undertaker_name", "title", "direction")


def create_application(
    session: Session, values: dict[str, Any], context: Context
) -> models.Application:
    """Draft an application; its number is the unit's next one in the round."""
    _check_undertaker(session, values["uscc"], context.actor)
    programme = programme_of(session, models.Programme, values["programme"])
    rules.check_direction(values["direction"], programme.directions)
    application = models.Application(
        project=_next_number(session, values["programme"], values["unit"]),
        state=State.DRAFT,
        epoch=0,
        version=0,
        created_at=context.now,
        **{name: value for name, value in values.items() if name != "evidence"},
    )
    session.add(application)
    for item in values.get("evidence", ()):
        _attach(application, item)
    note(application, context, "created")
    session.flush()
    return application


def edit_application(
    session: Session, project: str, values: dict[str, Any], context: Context
) -> models.Application:
    """Change a draft, or a returned application, which becomes a draft again."""
    application = own_application(session, project, context.actor)
    application.state = rules.moved(application.state, Move.EDIT)
    if "direction" in values:
        programme = programme_of(session, models.Programme, application.programme)
        rules.check_direction(values["direction"], programme.directions)
    for name, value in values.items():
        setattr(application, name, value)
    note(application, context, "edited", fields=sorted(values))
    return application


def add_evidence(
    session: Session, project: str, item: dict[str, Any], context: Context
) -> models.Application:
    """Add an item of evidence; one of the same kind and name is replaced."""
    application = own_application(session, project, context.actor)
    application.state = rules.moved(application.state, Move.EDIT)
    _attach(application, item)
    note(application, context, "evidence added", kind=item["kind"], sha256=item["sha256"])
    session.flush()
    return application


def submit_application(session: Session, project: str, context: Context) -> models.Application:
    """Submit: inside the window, evidence complete; fixes the content hash (transition 1)."""
    application = own_application(session, project, context.actor)
    programme = programme_of(session, models.Programme, application.programme)
    to = rules.moved(application.state, Move.SUBMIT)
    rules.check_direction(application.direction, programme.directions)
    rules.check_submission(
        opens_at=programme.opens_at,
        closes_at=programme.closes_at,
        answer_by=application.answer_by,
        now=context.now,
        required=programme.required_evidence,
        present=[item.kind for item in application.evidence],
    )
    refuse_barred(session, application.uscc)
    application.state, application.submitted_at = to, context.now
    application.content_hash = rules.content_hash(_content(application))
    note(application, context, "submitted", content_hash=application.content_hash)
    tell(session, APPLICATION_SUBMITTED, application, rules.IN_TIME, context)
    return application


def follow_project(session: Session, event: Event, context: Context) -> None:
    """Follow what other services decided; the newest sequence wins, late events change nothing.

    With another undertaker go the rights to the application: its routes ask for its code.
    """
    application = session.get(models.Application, event.subject, with_for_update=True)
    if application is None:
        return
    address = event.data.get("contact_email")
    if address and event.sequence > application.contact_sequence:  # of its own: few events tell it
        application.contact_email, application.contact_sequence = address, event.sequence
    if event.sequence <= application.sequence:
        return
    application.sequence = event.sequence
    application.state = State(event.data["state"])
    application.epoch = event.data["epoch"]
    undertaker = event.data["undertaker"]
    application.uscc, application.undertaker_name = undertaker["uscc"], undertaker["name"]
    _add_step(application, event.source, context.now, event.type, {"event": event.id})


def own_application(session: Session, project: str, actor: Actor) -> models.Application:
    """The undertaker's own application, locked; raises NotFoundError or ForbiddenError."""
    application = locked(session, models.Application, project)
    if actor.undertaker != application.uscc:
        raise ForbiddenError("This application is another undertaker's.")
    return application


def same_applications(session: Session, application: models.Application) -> list[str]:
    """Other applications of its undertaker in its round with the same title, drafts aside.

    Titles are compared without blanks and case: one work must not be recommended twice.
    """
    other = models.Application
    candidates = select(other.project, other.title).where(
        other.programme == application.programme,
        other.uscc == application.uscc,
        other.project != application.project,
        other.state != State.DRAFT,
    )
    title = _plain(application.title)
    found = session.execute(candidates.order_by(other.project))
    return [project for project, other_title in found if _plain(other_title) == title]


def note(application: models.Application, context: Context, what: str, **detail: Any) -> None:
    """Add a step to the history."""
    _add_step(application, str(context.actor), context.now, what, detail)


def _add_step(
    application: models.Application, actor: str, at: datetime, what: str, detail: dict[str, Any]
) -> None:
    step = models.Step(project=application.project, at=at, actor=actor, what=what, detail=detail)
    application.history.add(step)
    application.version += 1


def _check_undertaker(session: Session, uscc: str, actor: Actor) -> None:
    if actor.undertaker != uscc:
        raise ForbiddenError("Apply for your own undertaker: the token is another one's.")
    refuse_barred(session, uscc)


def refuse_barred(session: Session, uscc: str) -> None:
    """Raise UndertakerBarredError while a revoked project of the undertaker's bars it."""
    bar = models.RevocationBar
    barred = session.scalar(select(bar.project).where(bar.uscc == uscc, bar.is_barred).limit(1))
    if barred:
        raise UndertakerBarredError.by(barred)


def _next_number(session: Session, programme: str, unit: str) -> str:
    quota = session.get(models.UnitQuota, (programme, unit), with_for_update=True)
    if quota is None:
        message = "is not a recommending unit of this programme"
        errors = [{"field": "unit", "message": message}]
        raise InvalidError(f"unit {unit!r} {message}.", errors=errors)
    quota.numbered += 1
    return f"{programme}-{unit}-{quota.numbered:04d}"


def _attach(application: models.Application, item: dict[str, Any]) -> None:
    """Add the item; one of the same kind and name is replaced and must be reviewed anew."""
    for earlier in application.evidence:
        if (earlier.kind, earlier.filename) == (item["kind"], item["filename"]):
            earlier.sha256, earlier.size = item["sha256"], item["size"]
            earlier.verdict = earlier.reason = earlier.reviewer = None
            return
    number = len(application.evidence) + 1
    application.evidence.append(
        models.EvidenceItem(project=application.project, number=number, **item)
    )


def judged_content(application: models.Application, item: models.EvidenceItem) -> dict[str, Any]:
    """What a verdict on the item is about: the item, and what the application says with it."""
    return _stated(application) | {"evidence": _written(item)}


def _content(application: models.Application) -> dict[str, Any]:
    return _stated(application) | {"evidence": [_written(item) for item in application.evidence]}


def _stated(application: models.Application) -> dict[str, Any]:
    return {name: getattr(application, name) for name in STATED}


def _written(item: models.EvidenceItem) -> list[Any]:
    return [item.number, item.kind, item.filename, item.sha256, item.size]


def _plain(title: str) -> str:
    return "".join(unicodedata.normalize("NFKC", title).casefold().split())
