"""What an agency's message must say, and what of a report cannot be true."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from shared.agency.message import (
    REPORTED,
    STARTED,
    WrongSchemaError,
    implausible,
    load_report,
    read_message,
)
from shared.spine.envelope import CONTENT_TYPE, UndecodableError

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REPORT = {
    "method": "site_check",
    "conducted_on": "2020-10-12",
    "inspectors": ["I1", "I2"],
    "result": "no_breach",
    "findings": [{"key": "signage", "result": "ok"}],
    "signed_by": "Zhao",
}
GOOD = {
    "specversion": "1.0",
    "id": "m1",
    "source": "/agencies/agency-a",
    "type": REPORTED,
    "subject": "I-1",
    "time": "2020-10-12T09:00:00+08:00",
    "data": REPORT,
    "traceparent": TRACE,
}


def read(**changes):
    attributes = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return read_message(json.dumps(attributes).encode(), CONTENT_TYPE)


@pytest.mark.parametrize("kind", [REPORTED, STARTED])
def test_a_message_is_read_with_all_that_it_says(kind):
    message = read(type=kind)
    assert (message.id, message.agency, message.type) == ("m1", "agency-a", kind)
    assert (message.inspection, message.data, message.traceparent) == ("I-1", REPORT, TRACE)
    assert message.time == datetime(2020, 10, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ...}, "Attribute 'id' must be text of 1 to 64 characters."),
        ({"id": ""}, "Attribute 'id' must be text of 1 to 64 characters."),
        ({"id": "i" * 65}, "Attribute 'id' must be text of 1 to 64 characters."),
        ({"subject": 7}, "Attribute 'subject' must be text of 1 to 64 characters."),
        ({"source": "/agency/a"}, "Attribute 'source' must be /agencies/<your code>."),
        ({"source": "/agencies/a/b"}, "Attribute 'source' must be /agencies/<your code>."),
        ({"source": "agencies/a"}, "Attribute 'source' must be /agencies/<your code>."),
        ({"type": "x"}, f"Attribute 'type' must be {REPORTED} or {STARTED}."),
        ({"data": ...}, "Attribute 'data' must be an object."),
        ({"data": [1]}, "Attribute 'data' must be an object."),
        (
            {"time": "2020-10-12T09:00:00"},
            "Attribute 'time' needs an offset, for example Z or +08:00.",
        ),
    ],
)
def test_what_is_wrong_with_a_message_is_said(changes, words):
    with pytest.raises(UndecodableError) as refused:
        read(**changes)
    assert refused.value.detail == words


def test_a_time_that_is_none_is_said_with_why():
    with pytest.raises(UndecodableError, match=r"'time' is no RFC 3339 time: .*yesterday"):
        read(time="yesterday")


def test_the_longest_id_is_taken_and_a_trace_that_is_none_is_left_out():
    message = read(id="i" * 64, traceparent="00-0-0-0")
    assert (message.id, message.traceparent) == ("i" * 64, None)


def test_a_report_is_loaded_with_values_of_python():
    report = load_report(REPORT | {"method": "full_assessment", "score": "88.5", "more": "x"})
    assert (report["conducted_on"], report["score"]) == (date(2020, 10, 12), Decimal("88.5"))
    assert (report["questionnaire"], "more" in report) == (None, False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"result": "fine"}, "result"),
        ({"inspectors": ["I1"]}, "inspectors"),
        ({"findings": []}, "findings"),
        ({"method": "full_assessment"}, "score"),
        ({"method": "questionnaire"}, "questionnaire"),
        ({"signed_by": "Z\u200bhao"}, "signed_by"),
        ({"findings": [{"key": "a", "result": "bad"}]}, "findings"),
    ],
)
def test_a_report_that_breaks_the_schema_is_told_by_its_field(changes, field):
    with pytest.raises(WrongSchemaError) as refused:
        load_report(REPORT | changes)
    assert list(refused.value.extra["errors"]) == [field]
    assert refused.value.detail.startswith(f"The report breaks the schema: {{'{field}':")
    assert (refused.value.slug, refused.value.status) == ("wrong-schema", 422)


def test_what_came_to_no_conclusion_needs_neither_score_nor_findings():
    report = load_report(REPORT | {"result": "unreachable", "findings": []})
    assert report["result"] == "unreachable"


def loaded(**changes):
    return load_report(REPORT | changes)


BREACH = [{"key": "signage", "result": "breach"}, {"key": "records", "result": "breach"}]


@pytest.mark.parametrize(
    ("report", "problems"),
    [
        (loaded(), []),
        (loaded(findings=BREACH, result="breach"), []),
        (loaded(conducted_on="2020-10-13"), ["conducted_on 2020-10-13 lies in the future"]),
        (loaded(inspectors=["I1", "I2", "I1"]), ["an inspector is named twice"]),
        (loaded(findings=[*BREACH, BREACH[0]], result="breach"), ["a finding key stands twice"]),
        (loaded(findings=BREACH), ["result no_breach contradicts the findings signage, records"]),
        (
            loaded(conducted_on="2020-10-13", inspectors=["I1", "I1"]),
            ["conducted_on 2020-10-13 lies in the future", "an inspector is named twice"],
        ),
    ],
)
def test_what_cannot_be_true_is_said(report, problems):
    assert implausible(report, today=date(2020, 10, 12)) == problems
