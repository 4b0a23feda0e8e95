"""The main job: an application goes in, and a failed inspection revokes it at every outlet."""

from shared.project import NEEDED_OUTLETS


def test_a_failed_inspection_revokes_the_project_at_every_outlet(round_):
    good, bad = round_.designate(2)
    round_.register_agencies()
    inspections = round_.draw()
    round_.send(round_.report(inspections[good]))
    round_.send(round_.report(inspections[bad], score="41.5", result="breach"))
    round_.settle()
    (revocation,) = round_.revocations()
    assert (revocation["project"], revocation["ground"]) == (bad, "inspection_failed")
    assert revocation["missing"] == []
    assert set(NEEDED_OUTLETS) <= set(revocation["outlets"])
    assert revocation["circular"]
    completed = round_.events("inspection", "inspection.completed")
    assert sorted(event.data["outcome"] for event in completed) == ["fail", "pass"]
    (revoked,) = round_.events("inspection", "project.revoked")
    assert revoked.causation_id in {event.id for event in completed}
    acknowledged = round_.events("notification", "revocation.acknowledged")
    circulars = round_.events("notification", "notice.published")
    followed = [revoked, *acknowledged, *circulars]
    assert len(followed) >= 5
    assert {event.correlation_id for event in followed} == {revoked.correlation_id}
    assert all(event.actor for event in followed)
    codes = [r["code"] for agency in round_.keys for r in round_.receipts(agency)]
    assert codes.count("accepted") == 2
    register = round_.call("notification", "GET", f"/v1/register/{bad}")
    assert register["state"] == "REVOKED"
