"""Who may object, to what, and with what: a real name and evidence, during publicity."""

import re
import unicodedata

from shared.errors import EvidenceMissingError, LaurelError

NAMELESS = re.compile(  # whole names, then parts that no real name has
    r"na|anon|none|noname|nobody|unknown|([a-z])\1+|(mr|mrs|ms|miss|dr)[a-z]?"
    r"|(an?|the|one|some)?(admin|citizen|consumer|customer|employee|guest|informant|insider|member"
    r"ofthepublic|person|reader|resident|someone|somebody|source|test|tester|user|whistleblower)"
    r"|.*(anonym|xx|匿名|佚名|具名|无名|姓名|保密|某|知情|热心|群众|网友|网民|市民|路人|举报|投诉"
    r"|透露|人士|员工|职工|消费者|用户|顾客|百姓|公民|居民|业主|读者|观众|先生|女士|小姐|同志).*"
)


class AnonymousObjectionError(LaurelError):
    """Objections carry a real name."""

    slug = "anonymous-objection"
    status = 422


class NotUnderPublicityError(LaurelError):
    """The project is not under publicity now."""

    slug = "not-under-publicity"


def check_objection(real_name: str, evidence_count: int) -> None:
    """Transition 11's guard: a real name and evidence; anonymous objections are not taken."""
    name = unicodedata.normalize("NFKC", real_name).casefold()
    letters = "".join(character for character in name if character.isalpha())
    if len(letters) < 2 or NAMELESS.fullmatch(letters):
        raise AnonymousObjectionError(
            "Objections are taken under a real name only; it is kept sealed from the undertaker.",
            errors=[{"field": "real_name", "message": "must be your real name"}],
        )
    if evidence_count < 1:
        raise EvidenceMissingError(
            "Add at least one item of evidence: what it is, and its SHA-256.",
            errors=[{"field": "evidence", "message": "must have at least one item"}],
        )
