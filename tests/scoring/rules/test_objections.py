"""Whose objection is taken."""

import pytest

from services.scoring.rules.objections import AnonymousObjectionError, check_objection
from shared.errors import EvidenceMissingError


@pytest.mark.parametrize(
    "name",
    [
        "王伟",
        "李 娜",
        "欧阳修",
        "阿卜杜拉·买买提",
        "Li Na",
        "Ananya None",
        "Ὀδυσσεύς Λ.",
        "O'Neill",
        "Jamie Foxx",
        "张公民",
        "中国消费者协会",
        "北京市消费者协会",
        "保密科技有限公司",
        "知情网络有限公司",
        "北京大学",
        "Honest Citizens Ltd",
        "Ms Testa Abcara",
        "Noel Nilsson",
        "An Li",
        "代小平",
    ],
)
def test_a_real_name_is_taken_two_chinese_characters_suffice(name):
    check_objection(name, 1)


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "-",
        "—— ——",
        "123456",
        "…",
        "王",
        "X",
        "xxx",
        "anonymous",
        "Anonymous",
        " ANONYMOUS. ",
        "a n o n y m o u s",
        "(anonymous)",
        "ａｎｏｎｙｍｏｕｓ",
        "Anonymous citizen",
        "anon",
        "nobody",
        "No name",
        "None",
        "N/A",
        "n.a.",
        "匿名",
        "匿 名",
        "【匿名】",
        "匿\u200b名",
        "匿名者",
        "匿名举报人",
        "佚名",
        "无名氏",
        "不愿具名",
        "某某",
        "张某",
        "某公司员工",
        "热心市民",
        "群众",
        "知情人",
        "知情者",
        "热心人",
        "热心人士",
        "一名群众",
        "群众甲",
        "网友甲",
        "路人甲",
        "举报人",
        "不愿透露",
        "业内人士",
        "员工",
        "消费者",
        "用户",
        "王先生",
        "市民王先生",
        "张XX",
        "老百姓",
        "Mr X",
        "A citizen",
        "user123",
        "test",
        "whistleblower",
        "Someone",
        "a consumer",
        "無名氏",
        "舉報人",
        "消費者",
        "群眾",
        "知名不具",
        "不便公开",
        "内部人",
        "爆料人",
        "受害者",
        "老王",
        "小李",
        "王总",
        "no name given",
        "Concerned Citizen",
        "anonimo",
        "本人",
        "未知",
        "不详",
        "没有",
        "暂无",
        "化名",
        "隐名",
        "秘密",
        "实名不便",
        "未署名",
        "不公开",
        "不知道",
        "不告诉你",
        "群众代表",
        "市民代表",
        "附近居民",
        "公司员工",
        "前员工",
        "离职员工",
        "全体居民",
        "同事",
        "同行",
        "竞争对手",
        "客户",
        "家长",
        "村民们",
        "目击者",
        "吹哨人",
        "当事人",
        "人民群众",
        "一家公司",
        "北京某科技公司",
        "匿名科技有限公司",
        "\u3164\u3164",
        "王\u3164",
        "null",
        "undisclosed",
        "withheld",
        "hidden",
        "John Doe",
        "A. N. Other",
        "asdf",
        "asdfgh",
        "local residents",
    ],
)
def test_an_anonymous_objection_is_refused_however_it_is_spelt(name):
    with pytest.raises(AnonymousObjectionError) as refusal:
        check_objection(name, 1)
    assert refusal.value.extra["errors"] == [
        {"field": "real_name", "message": "must be your real name"}
    ]


def test_an_objection_without_evidence_is_refused():
    with pytest.raises(EvidenceMissingError):
        check_objection("王伟", 0)


def test_a_refusal_says_what_to_add():
    with pytest.raises(EvidenceMissingError) as refusal:
        check_objection("王伟", 0)
    assert refusal.value.detail == "Add at least one item of evidence: what it is, and its SHA-256."
    assert refusal.value.extra["errors"] == [
        {"field": "evidence", "message": "must have at least one item"}
    ]
    check_objection("王伟", 1)
    with pytest.raises(AnonymousObjectionError) as refusal:
        check_objection("匿名", 1)
    words = "Objections are taken under a real name only; it is kept sealed from the undertaker."
    assert refusal.value.detail == words
