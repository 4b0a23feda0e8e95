"""What time does: rectifications and validities run out, once, late or not, in any order."""

from datetime import date, datetime, timedelta, timezone
from itertools import permutations

import pytest

from services.inspection.commands import deadlines
from shared.testing import acting
from tests.inspection.conftest import Inspectorate


@pytest.fixture
def rectifying(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    lenient.fail(lenient.draw(project)[project])
    return project


def test_the_deadline_is_fixed_once_and_never_slides(lenient, rectifying):
    ordered = lenient.project(rectifying)
    assert ordered["rectify_by"] == (date(2020, 10, 12) + timedelta(days=90)).isoformat()
    lenient.publish_programme("rectify", edition=2, rectification_days=300)
    lenient.wait(days=60)
    for report in ({"score": "62.5"}, {"result": "unreachable"}, {"result": "inconclusive"}):
        lenient.report(lenient.draw(rectifying)[rectifying], **report)
    shown = lenient.project(rectifying)
    assert (shown["state"], shown["rectify_by"]) == ("RECTIFYING", ordered["rectify_by"])
    assert len(lenient.events("rectification.ordered")) == 1


def test_what_is_not_put_right_by_the_end_of_its_last_day_in_china_is_revoked(lenient, rectifying):
    lenient.clock.set(lenient.clock.now().replace(year=2021, month=1, day=10, hour=15, minute=58))
    lenient.tick()
    assert lenient.state(rectifying) == "RECTIFYING"
    lenient.wait(minutes=2)
    assert lenient.state(rectifying) == "REVOKED"
    (revoked,) = lenient.events("project.revoked")
    decision = revoked.data["decision"]
    assert (decision["ground"], decision["actor"], decision["reasons_en"]) == (
        "inspection_failed",
        "timer",
        ["not put right by the deadline"],
    )
    assert revoked.data["rectify_by"] is None


def test_a_late_timer_revokes_late_and_once(lenient, rectifying):
    lenient.wait(days=400)
    lenient.wait(days=1)
    assert lenient.state(rectifying) == "REVOKED"
    assert len(lenient.events("project.revoked")) == 1


def test_a_pass_that_comes_after_the_deadline_rescues_nothing_even_before_the_timer(
    lenient, rectifying
):
    again = lenient.draw(rectifying)[rectifying]
    lenient.clock.set(lenient.clock.now() + timedelta(days=91))
    assert lenient.report(again)["outcome"] == "pass"
    assert lenient.state(rectifying) == "REVOKED"
    assert lenient.events("rectification.closed") == []


def test_a_withdrawal_after_the_deadline_finds_the_project_revoked(lenient, rectifying):
    report = {
        "change": "C1",
        "project": rectifying,
        "kind": "merger",
        "summary": "merged",
        "occurred_on": "2020-10-20",
        "reported_at": "2020-11-01T09:00:00+08:00",
    }
    lenient.receive(lenient.event("change.reported", "C1", report))
    lenient.clock.set(lenient.clock.now() + timedelta(days=91))
    body = {"decision": "withdrawn", "reason": "asked for"}
    lenient.post("/v1/changes/C1/decide", body, status=409)
    lenient.tick()
    assert lenient.state(rectifying) == "REVOKED"


def test_a_project_expires_when_its_last_day_in_china_is_over(office):
    (project,) = office.designate(valid_to="2020-12-31")
    office.clock.set(office.clock.now().replace(month=12, day=31, hour=15, minute=59))
    office.tick()
    assert office.state(project) == "DESIGNATED"
    office.wait(minutes=1)
    office.wait(days=1)
    (expired,) = office.events("project.expired")
    assert (expired.data["state"], expired.data["decision"]["reasons_en"]) == (
        "EXPIRED",
        ["the period of validity has ended"],
    )


TIMERS = list(permutations([deadlines.revoke_overdue, deadlines.expire_due]))


@pytest.mark.parametrize("timers", TIMERS)
@pytest.mark.parametrize(
    ("valid_to", "state"),
    [("2021-01-09", "EXPIRED"), ("2021-01-10", "REVOKED"), ("2021-01-11", "REVOKED")],
)
def test_what_fell_due_first_happens_however_late_the_timers_run(lenient, timers, valid_to, state):
    (project,) = lenient.designate(valid_to=valid_to)
    lenient.register("agency-a")
    lenient.fail(lenient.draw(project)[project])
    assert lenient.project(project)["rectify_by"] == "2021-01-10"
    lenient.clock.set(lenient.clock.now() + timedelta(days=500))
    for timer in (*timers, *timers):
        with lenient.database.transaction() as session:
            timer(session, acting(lenient.clock.now()))
    assert lenient.state(project) == state
    assert len(lenient.events("project.revoked", "project.expired")) == 1


def test_a_revoked_project_does_not_expire_and_an_expired_one_is_not_revoked(office):
    revoked, expired = office.designate(2)
    office.post(f"/v1/projects/{revoked}/revoke", office.DECISION)
    office.wait(days=4 * 366)
    assert (office.state(revoked), office.state(expired)) == ("REVOKED", "EXPIRED")
    answer = office.post(f"/v1/projects/{expired}/revoke", office.DECISION, status=409)
    assert answer["slug"] == "illegal-transition"


def test_a_project_without_an_end_of_validity_stays(office):
    (project,) = office.designate(valid_to=None)
    office.wait(days=36_500)
    assert office.state(project) == "DESIGNATED"


def test_two_replicas_at_once_revoke_once(busy):
    (project,) = busy.designate()
    busy.register("agency-a")
    busy.fail(busy.draw(project)[project])
    busy.clock.set(busy.clock.now() + timedelta(days=91))
    now, replica = busy.clock.now(), busy.another_replica()
    with busy.database.transaction() as one, replica.transaction() as other:
        assert deadlines.revoke_overdue(one, acting(now)) == 1
        assert deadlines.revoke_overdue(other, acting(now)) == 0
        assert deadlines.expire_due(other, acting(now)) == 0
    replica.engine.dispose()
    assert busy.state(project) == "REVOKED"
    assert len(busy.events("project.revoked")) == 1


def test_what_time_did_took_effect_when_it_was_due_however_late_it_is_done(lenient, rectifying):
    until = date.fromisoformat(lenient.project(rectifying)["rectify_by"])
    lenient.wait(days=400)
    (revoked,) = lenient.events("project.revoked")
    decision = revoked.data["decision"]
    effective = datetime.fromisoformat(decision["effective_at"])
    china = timezone(timedelta(hours=8))
    assert effective.astimezone(china).date() == until + timedelta(days=1)
    assert datetime.fromisoformat(decision["decided_at"]) > effective + timedelta(days=300)


def test_an_overdue_order_is_cited_by_the_rules_it_was_given_under(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    lenient.fail(lenient.draw(project)[project])
    lenient.publish_programme("rectify", 2, rule_version="2020-2", citation_en="another rule")
    lenient.wait(days=95)
    (revoked,) = lenient.events("project.revoked")
    decision = revoked.data["decision"]
    assert decision["rule_version"] == "2020-1"
    assert "another rule" not in decision["citation"]


@pytest.mark.parametrize("act", ["plan", "revoke"])
def test_an_act_finds_what_time_has_done_before_any_timer_ran(office, act):
    past, present = office.designate(2)
    office.register("agency-a")
    office.clock.set(office.clock.now() + timedelta(days=365 * 3 + 10))
    office.receive(office.designation(3, valid_to="2030-01-01"))
    if act == "plan":
        drawn = office.draw()
        assert past not in drawn
        assert present not in drawn
    else:
        body = office.DECISION | {"notice_at": (office.clock.now() - office.NOTICE).isoformat()}
        office.post(f"/v1/projects/{past}/revoke", body, status=409)
    assert office.state(past) in {"EXPIRED", "DESIGNATED"}
    office.tick()
    assert office.state(past) == "EXPIRED"
    assert office.events("project.revoked") == []


def test_what_time_did_can_be_undone_timer_or_no_timer(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    lenient.fail(lenient.draw(project)[project])
    lenient.clock.set(lenient.clock.now() + timedelta(days=91))
    lenient.post(f"/v1/projects/{project}/reinstate", lenient.QUASHED)
    assert (lenient.state(project), lenient.project(project)["epoch"]) == ("DESIGNATED", 2)
    assert len(lenient.events("project.revoked")) == 1


def test_an_expiry_cites_the_rules_of_its_day_however_late_it_is_done(office):
    office.designate(valid_to="2020-12-31")
    office.clock.set(office.clock.now().replace(year=2021, month=3, day=1))
    office.publish_programme("rectify", 2, rule_version="made-2021")
    office.tick()
    (expired,) = office.events("project.expired")
    assert expired.data["decision"]["rule_version"] == "2020-1"


def test_a_clock_that_stepped_back_since_the_draw_costs_no_report(lenient):
    (project,) = lenient.designate()
    lenient.register("agency-a")
    inspection = lenient.draw(project)[project]
    lenient.clock.set(lenient.clock.now() - timedelta(seconds=2))
    assert lenient.fail(inspection)["status"] == "accepted"
    assert lenient.state(project) == "RECTIFYING"


def test_a_round_that_is_known_late_is_kept_although_a_project_has_run_out(tmp_path):
    with Inspectorate(tmp_path, policy=None) as office:
        (project,) = office.designate(valid_to="2020-09-10")
        office.publish_programme("rectify")
        office.tick()
        assert office.state(project) == "EXPIRED"
