"""Who may object, to what, and with what: a real name and evidence, during publicity."""

import re
import unicodedata

from shared.errors import EvidenceMissingError, LaurelError

NAMELESS = re.compile(  # whole names, then parts that no real name has; an organisation has one
    r"na|anon|none|noname|nobody|unknown|([a-z])\1+|x+|(mr|mrs|ms|miss|dr)[a-z]?"
    r"|(an?|the|one|some)?(concerned|honest|loyal|ordinary)?(admin|citizen|consumer|customer"
    r"|employee|guest|informant|insider|memberofthepublic|person|reader|resident|someone|somebody"
    r"|source|test|tester|user|whistleblower)|noname.*|nameless.*"
    r"|.*(a[nm]on[iy]m|xxx|匿名|佚名|具名|不具|无名|無名|姓名|保密|不便公开|某|知情|热心|熱心|路人"
    r"|人士|举报|舉報|投诉|投訴|透露|爆料|先生|女士|小姐|同志).*"
    r"|(一|一个|一名|一位|广大|普通|老|小|内部|本)*(群众|群眾|网友|網友|网民|市民|内部人|员工|員工"
    r"|职工|消费者|消費者|用户|用戶|顾客|顧客|百姓|老百姓|公民|居民|业主|读者|观众|受害者|受害人)[a-z甲乙丙丁]?"
    r"|[老小][\u4e00-\u9fff]|[\u4e00-\u9fff](总|總|老师|经理|师傅|x+)"
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
