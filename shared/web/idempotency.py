"""`Idempotency-Key` on POST: the same request asked twice is done once and answered alike.

The answer is kept in the transaction that made it, so that there is never one without the other.
"""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from shared.errors import LaurelError
from shared.spine.database import insert_new
from shared.spine.tables import idempotency_keys
from shared.web.spec import Call

MAX_KEY = 120
OF_KEY = idempotency_keys.c.key == bindparam("kept")
KEPT, KEEP = select(idempotency_keys).where(OF_KEY), update(idempotency_keys).where(OF_KEY)


class KeyReusedError(LaurelError):
    """The key came before with another body."""

    slug = "idempotency-key-reused"
    status = 422


class AnswerNotKeptError(LaurelError):
    """The request was done before, and its answer cannot be given again."""

    slug = "answer-not-kept"


class Once:
    """One keyed request: `claim` finds the answer kept for it, `keep` keeps it."""

    def __init__(self, call: Call, path: str, key: str) -> None:
        if len(key) > MAX_KEY:
            raise KeyReusedError(f"An Idempotency-Key has at most {MAX_KEY} characters.")
        scope = f"{call.actor!r}|{path}|{key}"  # whole: a subject may act for several
        self._key = hashlib.sha256(scope.encode()).hexdigest()
        self._digest = hashlib.sha256(call.raw).hexdigest()
        self._now = call.now

    def claim(self, session: Session) -> Response | None:
        """Claim the key for this transaction, or give the answer to the earlier request.

        A second request at the same time waits for the first one's commit at the unique key.
        """
        mine = {"key": self._key, "digest": self._digest, "created_at": self._now}
        if session.scalar(_claim(insert_new(session.get_bind().dialect)), mine) is not None:
            return None
        row = session.execute(KEPT, {"kept": self._key}).one()
        if row.digest != self._digest:
            raise KeyReusedError(
                "This Idempotency-Key was used with another body; choose a fresh key."
            )
        if row.answer is None:
            raise AnswerNotKeptError(
                "This was done already, and its answer held a secret, which is not kept: "
                "look up what was made, or end it and make another with a fresh key."
            )
        return Response(row.answer["body"], status=row.status, headers=row.answer["headers"])

    def keep(self, session: Session, response: Response | None) -> None:
        """Keep the answer with the effect; None for one that holds a secret."""
        filled: dict[str, Any] = {"kept": self._key, "status": 0, "answer": None}
        if response is not None:
            body, headers = response.get_data(as_text=True), dict(response.headers)
            filled |= {"status": response.status_code, "answer": {"body": body, "headers": headers}}
        session.execute(KEEP, filled)


@cache
def _claim(insert: Callable[[Any], Any]) -> Any:
    claimed = insert(idempotency_keys).values(status=0, answer=None)
    return claimed.on_conflict_do_nothing().returning(idempotency_keys.c.key)
