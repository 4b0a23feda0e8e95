"""Objections: real-name, with evidence, sealed; one freezes its own entry only."""

import io
import logging
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from shared import telemetry
from tests.scoring.conftest import ANOTHER

NAME, CONTACT = "王伟", "wangwei@objector.example"
END = datetime.fromisoformat("2020-10-20T00:00:00+08:00")  # publicity's last day is the 19th


@pytest.fixture
def publicity(scoring):
    """Two entries under publicity from 12 to 19 October 2020."""
    scoring.shortlist({"p1": "90", "p2": "80"})
    scoring.publicise()
    return scoring


def test_an_objection_freezes_its_own_entry_only(publicity):
    answer = publicity.object("p1")
    assert answer.status_code == 201
    publicity.clock.set(END)
    publicity.tick()
    assert publicity.states() == {"p1": "PUBLICISED", "p2": "DESIGNATED"}


def test_an_upheld_objection_ends_the_entry(publicity):
    objection = publicity.object("p1").json["id"]
    answer = publicity.decide(objection, upheld=True)
    assert (answer.status_code, answer.json["upheld"]) == (200, True)
    assert publicity.entry("p1")["state"] == "NOT_SELECTED"
    (refused,) = publicity.events("application.not_selected")
    assert refused.data["reasons"] == ["an objection was upheld: the register of patents"]
    publicity.clock.set(END)
    publicity.tick()
    assert publicity.states() == {"p1": "NOT_SELECTED", "p2": "DESIGNATED"}


def test_a_rejected_objection_lets_the_entry_be_designated_when_publicity_is_over(publicity):
    objection = publicity.object("p1").json["id"]
    publicity.decide(objection, upheld=False)
    publicity.tick()
    assert publicity.states() == {"p1": "PUBLICISED", "p2": "PUBLICISED"}
    publicity.clock.set(END)
    publicity.tick()
    assert publicity.states() == {"p1": "DESIGNATED", "p2": "DESIGNATED"}


def test_an_objection_decided_after_the_end_holds_its_entry_up_until_then(publicity):
    objection = publicity.object("p1").json["id"]
    publicity.clock.set(END + timedelta(days=30))
    publicity.tick()
    assert publicity.entry("p1")["state"] == "PUBLICISED"
    publicity.decide(objection, upheld=False)
    publicity.tick()
    designated = {e.subject: e.data["valid_from"] for e in publicity.events("project.designated")}
    assert designated == {"p2": "2020-11-19", "p1": "2020-11-19"}


def test_of_two_objections_both_must_be_rejected(publicity):
    first, second = (publicity.object("p1").json["id"] for _ in range(2))
    publicity.clock.set(END)
    publicity.decide(first, upheld=False)
    publicity.tick()
    assert publicity.entry("p1")["state"] == "PUBLICISED"
    publicity.decide(second, upheld=False)
    publicity.tick()
    assert publicity.entry("p1")["state"] == "DESIGNATED"


def test_after_one_was_upheld_the_other_is_still_decided_and_changes_nothing(publicity):
    first, second = (publicity.object("p1").json["id"] for _ in range(2))
    publicity.decide(first, upheld=True)
    assert publicity.decide(second, upheld=True).status_code == 200
    assert publicity.entry("p1")["state"] == "NOT_SELECTED"
    assert len(publicity.events("application.not_selected")) == 1
    assert len(publicity.events("objection.decided")) == 2


def test_an_objection_is_decided_once(publicity):
    objection = publicity.object("p1").json["id"]
    publicity.decide(objection, upheld=False)
    answer = publicity.decide(objection, upheld=True)
    assert (answer.status_code, answer.json["slug"]) == (409, "illegal-transition")
    assert publicity.entry("p1")["state"] == "PUBLICISED"
    assert publicity.decide("nobody's", upheld=True).status_code == 404


def test_what_is_not_under_a_real_name_is_refused_with_an_outcome_of_its_own(publicity):
    objection = publicity.object("p1", real_name="赵钱孙").json["id"]
    both = publicity.decide(objection, upheld=True, not_real_name=True)
    assert (both.status_code, both.json["errors"][0]["field"]) == (422, "not_real_name")
    answer = publicity.decide(objection, upheld=False, not_real_name=True)
    assert (answer.json["upheld"], answer.json["outcome"]) == (False, "not_real_name")
    (decided,) = publicity.events("objection.decided")
    assert decided.data["outcome"] == "not_real_name"
    publicity.clock.set(END)
    publicity.tick()
    assert publicity.states()["p1"] == "DESIGNATED"


def test_an_objection_at_the_last_moment_is_in_time(publicity):
    publicity.clock.set(END - timedelta(seconds=5))
    assert publicity.object("p1").status_code == 201
    publicity.clock.set(END)
    publicity.tick()
    assert publicity.states() == {"p1": "PUBLICISED", "p2": "DESIGNATED"}


def test_an_objection_after_the_end_is_late_even_before_the_designation(publicity):
    publicity.clock.set(END)
    answer = publicity.object("p1")
    assert (answer.status_code, answer.json["slug"]) == (409, "not-under-publicity")
    publicity.tick()
    assert publicity.object("p1").json["slug"] == "not-under-publicity"


def test_only_projects_under_publicity_take_objections(scoring):
    scoring.shortlist({"p1": "90", "p2": "80"}, total_quota=1)
    assert scoring.object("p1").json["slug"] == "not-under-publicity"
    scoring.publicise()
    assert scoring.object("p2").json["slug"] == "not-under-publicity"
    assert scoring.object("p9").status_code == 404


@pytest.mark.parametrize(
    ("changes", "slug", "field"),
    [
        ({"real_name": "匿名"}, "anonymous-objection", "real_name"),
        ({"real_name": ""}, "invalid-input", "real_name"),
        ({"evidence": []}, "evidence-missing", "evidence"),
        ({"evidence": [{"description": "a", "sha256": "x"}]}, "invalid-input", "evidence.0.sha256"),
        ({"contact": ""}, "invalid-input", "contact"),
        ({"statement": ""}, "invalid-input", "statement"),
    ],
)
def test_a_bad_objection_is_refused_by_field_and_freezes_nothing(publicity, changes, slug, field):
    answer = publicity.object("p1", **changes)
    assert (answer.status_code, answer.json["slug"]) == (422, slug)
    assert [error["field"] for error in answer.json["errors"]] == [field]
    publicity.clock.set(END)
    publicity.tick()
    assert publicity.entry("p1")["state"] == "DESIGNATED"


@pytest.fixture
def log():
    """What the service logs meanwhile, as JSON lines."""
    stream = io.StringIO()
    root = logging.getLogger()
    before = root.handlers, root.level
    telemetry.configure("debug", stream)
    yield stream
    root.handlers, root.level = before


def test_who_objected_is_in_no_event_no_public_answer_and_no_log(publicity, log):
    received = publicity.object("p1")
    decided = publicity.decide(received.json["id"], upheld=True)
    publicity.clock.set(END)
    publicity.tick()
    listed = publicity.client.get("/v1/objections", headers=publicity.official)
    assert listed.json["items"][0]["real_name"] == NAME
    assert listed.json["items"][0]["contact"] == CONTACT
    published = "".join(str(event) for event in publicity.events())
    shown = received.text + decided.text + str(publicity.entry("p1"))
    for sealed in (NAME, CONTACT, "objector.example"):
        assert sealed not in published + shown + log.getvalue()


def test_who_objected_is_not_logged_even_when_the_database_refuses_it(on_postgres, log):
    on_postgres.publish()
    on_postgres.shortlist({"p1": "90"})
    on_postgres.publicise()
    with on_postgres.session("scoring") as session:
        session.execute(text("DROP TABLE objections"))
    assert on_postgres.object("p1").status_code in {500, 503}
    assert log.getvalue().count("\n") >= 1
    for sealed in (NAME, CONTACT, "objector.example"):
        assert sealed not in log.getvalue()


@pytest.mark.parametrize("role", ["undertaker", "unit", "expert", "agency"])
def test_only_officials_read_and_decide_objections(publicity, role):
    objection = publicity.object("p1").json["id"]
    who = publicity.token(role)
    assert publicity.client.get("/v1/objections", headers=who).status_code == 403
    path, body = f"objections/{objection}/decide", {"upheld": True, "reason": "mine"}
    assert publicity.post(path, body, who).status_code == 403
    assert publicity.client.get("/v1/objections").status_code == 401


def test_an_objection_upheld_while_the_entry_waits_for_a_place_ends_it_for_good(scoring, said):
    """Its place went to another while its undertaker was barred; the objection is decided then."""
    scoring.shortlist({"p1": "90", "p2": "80"}, others=("p2",), total_quota=1)
    scoring.publicise()
    objection = scoring.object("p1").json["id"]
    scoring.receive(said.revoked("p8"))
    scoring.rank()
    scoring.receive(said.reinstated("p8", sequence=10))
    assert (scoring.states()["p1"], scoring.entry("p1")["rank"]) == ("NOT_SELECTED", 1)
    scoring.decide(objection, upheld=True)
    told = scoring.events("application.not_selected")[-1]
    assert told.subject == "p1"
    assert told.data["reasons"] == ["an objection was upheld: the register of patents"]
    scoring.receive(said.revoked("p9", undertaker=ANOTHER))
    assert scoring.rank().json["slug"] == "nothing-to-do"


def test_an_objection_upheld_after_the_place_was_lost_to_a_new_score_ends_the_entry(scoring, said):
    scoring.shortlist({"p1": "90", "p2": "80"}, others=("p2",), total_quota=1)
    scoring.register("E4")
    scoring.publicise()
    objection = scoring.object("p1").json["id"]
    lost = scoring.assigned("p1")[0]
    scoring.post(f"experts/{lost}/conflicts", {"conflicts": [said.USCC]})
    scoring.assign()
    for code in scoring.assigned("p1"):
        scoring.score("p1", code, dict.fromkeys(said.SCORES, "1"))
    scoring.rank()
    assert scoring.states() == {"p1": "NOT_SELECTED", "p2": "SHORTLISTED"}
    scoring.decide(objection, upheld=True)
    assert scoring.entry("p1")["reasons"] == ["an objection was upheld: the register of patents"]
    scoring.receive(said.revoked("p9", undertaker=ANOTHER))
    assert scoring.rank().json["slug"] == "nothing-to-do"
