"""Who may object, to what, and with what: a real name and evidence, during publicity."""

import re
import unicodedata
from collections.abc import Sequence

from shared.errors import EvidenceMissingError, LaurelError

FILLERS = "\u115f\u1160\u3164\uffa0"  # letters that show nothing

# What is plainly no name. In no name at all; then alone, or after which one and before how many;
# then in no person's name, although an organisation may be called so.
NOWHERE = re.compile(
    "匿名|佚名|具名|不具|某|不愿|不便|不想|透露|知情人|知情者|爆料|举报人|舉報人|投诉人|投訴人|没有名|无可奉告|a[nm]on[iy]m|xxx"
)
WHICH = (
    "一个?|一名|一位|一家|一群|一些|多名|几名|某些|广大|普通|老|小|新|贵|内部|本|前|离职|在职|全体|部分|附近|周边|当地|本地"
    "|人民|我是|我们|我|公司|单位|企业|项目|行业|学校|社区|小区|学生|微信|手机|注册"
    "|an?|the|one|some|ex|concerned|honest|loyal|ordinary|former|local|unknown|undisclosed"
)
WHO = (
    "群众|群眾|公众|网友|網友|网民|市民|公民|居民|村民|住户|业主|百姓|老百姓|员工|員工|职工|工人|党员|同事|同行|竞争对手|对手"
    "|领导|大家|有人|专家|管理员|游客|朋友|纳税人|内部人|当事人|申请人|控告人|目击者|吹哨人|受害者|受害人|消费者|消費者|用户|用戶"
    "|客户|顾客|顧客|会员|成员|家长|学生|读者|观众|邻居|本人|他人|自己|代表|公司|单位|企业|机构|组织|学校|中心|甲方|乙方"
    "|测试|名字|没有|暂无|未知|不详|无|空|略|先生|女士|小姐|同志|路人|保密"
    "|admin|another|citizen|consumer|customer|employee|friend|guest|informant|insider|man|woman"
    "|member(?:ofthepublic)?|party|person|public|reader|resident|someone|somebody|source|taxpayer|test"
    "|tester|user|whistleblower|worker|neighbou?r|me|myself|ltd|company|ofacompany"
)
NOBODY = (
    "na|anon|none|null|nil|nobody|noone|unknown|undisclosed|unnamed|(name)?(withheld|hidden|notdisclosed)"
    "|prefernottosay|private|secret|confidential|redacted|(john|jane)doe|foobar|asdf[a-z]*|qwert[a-z]*"
    "|abc[a-z]?|([a-z])\\4+|(mr|mrs|ms|miss|dr)[a-z]?|(noname|nameless).*|[老小][\u4e00-\u9fff]"
    "|[\u4e00-\u9fff](总|總|老师|经理|师傅|x+)|x+公司"
)
ALONE = re.compile(f"(?:{NOBODY}|(?:{WHICH})*(?:{WHO})+(?:代表|们|s|[a-z甲乙丙丁])?)")
ORGANISATION = re.compile(
    "(公司|集团|企业|联盟|商会|中心|大学|学院|学校|银行|工作室|会|局|厅|处|厂|店|社|院|所|馆|站|队|部|网"
    "|ltd|inc|llc|gmbh|plc|limited|company|corporation|association|foundation|university|institute)$"
)
IN_NO_PERSON_S = re.compile(
    "无名|無名|姓名|署名|隐名|化名|实名|保密|秘密|公开|不知|不告|知情|热心|熱心|路人|人士|举报|舉報|投诉|投訴"
    "|先生|女士|小姐|同志"
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
    words = _words(real_name)
    if len("".join(words)) < 2 or _is_nameless(words):
        raise AnonymousObjectionError(
            "Objections are taken under a real name only; it is kept sealed from the undertaker.",
            errors=[{"field": "real_name", "message": "must be your real name"}],
        )
    if evidence_count < 1:
        raise EvidenceMissingError(
            "Add at least one item of evidence: what it is, and its SHA-256.",
            errors=[{"field": "evidence", "message": "must have at least one item"}],
        )


def _words(name: str) -> list[str]:
    """Its words, of letters alone; one that is spelt letter by letter is one word."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    shown = "".join(char for char in folded if unicodedata.category(char) != "Cf")
    letters = (char if char.isalpha() and char not in FILLERS else " " for char in shown)
    words = "".join(letters).split()
    return ["".join(words)] if all(len(word) == 1 for word in words) else words


def _is_nameless(words: Sequence[str]) -> bool:
    letters = "".join(words)
    if NOWHERE.search(" ".join(words)) or ALONE.fullmatch(letters):
        return True
    return not ORGANISATION.search(letters) and bool(IN_NO_PERSON_S.search(letters))
