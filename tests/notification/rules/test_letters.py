"""Letters say the same facts in Chinese and in English, for every event that anyone is told of."""

from datetime import date

import pytest

from services.notification.rules import letters
from services.notification.rules.deliveries import CONTACT_TYPES, PUBLIC_TYPES
from shared.catalogue import CATALOGUE
from shared.project import Ground

DECISION = {
    "ground": "inspection_failed",
    "citation": "实施方案第五条",
    "reasons_zh": ["得分58.5，低于60分"],
    "reasons_en": ["score 58.5 is below 60"],
}


def facts(kind, **changes):
    told = {
        "type": kind, "project": "2020-P110000-0003", "title": "互联网医院平台",
        "undertaker": "虚构科技有限公司", "occurred_on": date(2021, 3, 4),
    }  # fmt: skip
    return letters.Facts(**(told | changes))


def halves(found):
    chinese, _, english = letters.text_of(found).rpartition("\n\n")
    return chinese, english


def is_chinese(text):
    return any("\u4e00" <= character <= "\u9fff" for character in text)


@pytest.mark.parametrize("kind", CONTACT_TYPES)
def test_every_event_has_a_subject_and_a_text_in_both_languages(kind):
    chinese, english = halves(facts(kind))
    subject = letters.subject_of(facts(kind))
    zh, en = letters._SUBJECTS[kind]
    assert (is_chinese(zh), is_chinese(en)) == (True, False)
    assert subject == f"{zh} {en}（2020-P110000-0003）"
    assert f"{zh}。" in chinese
    assert english.startswith(f"{en}.")
    for half in (chinese, english):
        assert "互联网医院平台" in half
        assert "虚构科技有限公司" in half
        assert "2021-03-04" in half


def test_only_events_that_anyone_is_told_of_have_a_letter():
    assert set(letters._SUBJECTS) == set(CONTACT_TYPES)
    assert set(CONTACT_TYPES) < set(CATALOGUE)
    assert set(PUBLIC_TYPES) < set(CONTACT_TYPES)


def test_every_ground_of_the_catalogue_has_words_in_both_languages():
    assert set(letters.GROUNDS_ZH) == set(letters.GROUNDS_EN) == set(Ground)


def test_a_revocation_cites_its_number_ground_rule_and_reasons():
    found = facts(
        "project.revoked",
        decision=DECISION,
        circular=("通报〔2021〕第3号", "Circular No. 3 of 2021"),
    )
    chinese, english = halves(found)
    assert chinese.splitlines() == [
        "虚构科技有限公司：",
        "",
        "撤销示范项目资格通报。",
        "日期：2021-03-04",
        "示范项目：互联网医院平台（2020-P110000-0003）",
        "文号：通报〔2021〕第3号",
        "依据情形：监督检查不合格",
        "依据：实施方案第五条",
        "- 得分58.5，低于60分",
    ]
    assert english.splitlines() == [
        "Designation revoked.",
        "Project: 互联网医院平台 (2020-P110000-0003)",
        "Undertaker: 虚构科技有限公司",
        "Date: 2021-03-04",
        "Reference: Circular No. 3 of 2021",
        "Ground: failed inspection",
        "Rule: 实施方案第五条",
        "- score 58.5 is below 60",
    ]


def test_a_date_to_keep_stands_in_both_languages():
    chinese, english = halves(facts("rectification.ordered", rectify_by=date(2021, 4, 6)))
    assert "整改期限：2021-04-06" in chinese
    assert "To be put right by: 2021-04-06" in english
    chinese, english = halves(facts("project.designated", valid_to=date(2023, 3, 4)))
    assert "有效期至：2023-03-04" in chinese
    assert "Valid to: 2023-03-04" in english


def test_what_a_decision_does_not_say_stands_after_its_own_reasons():
    decision = {"reasons_zh": ["1项材料需要说明"], "reasons_en": ["one item is questioned"]}
    reasons = ["one item is questioned", "1 licence.pdf: unclear"]
    told = facts("application.returned", decision=decision, reasons=reasons)
    chinese, english = halves(told)
    assert chinese.endswith("\n- 1项材料需要说明\n- 1 licence.pdf: unclear")
    assert "one item" not in chinese
    assert english.endswith("\n- one item is questioned\n- 1 licence.pdf: unclear")


def test_the_reasons_of_a_review_stand_in_both_halves_as_they_were_given():
    chinese, english = halves(facts("application.returned", reasons=["1 licence.pdf: unclear"]))
    assert chinese.endswith("- 1 licence.pdf: unclear")
    assert english.endswith("- 1 licence.pdf: unclear")
