"""`laurel draw verify` recomputes a draw from its transcript alone."""

import json

import pytest

from shared.draws import commitment, draw, freeze

TARGETS = [{"id": f"P-{number}", "parties": []} for number in range(9)]
INSPECTORS = [
    {"id": f"{agency}-{number}", "agency": agency, "conflicts": []}
    for agency in ("agency-a", "agency-b") for number in range(3)
]  # fmt: skip
SECRETS = {"ministry": "m", "observer": "o"}


@pytest.fixture
def transcript():
    plan = {
        "id": "plan-1", "target_count": 4, "min_inspectors": 2,
        "caps": {"agency-a": 15, "agency-b": 15},
        "commitments": {holder: commitment(secret) for holder, secret in SECRETS.items()},
        "targets_sha256": freeze(TARGETS), "inspectors_sha256": freeze(INSPECTORS),
    }  # fmt: skip
    return json.loads(json.dumps(draw(plan, TARGETS, INSPECTORS, SECRETS, "3225.12")))


@pytest.fixture
def verify(laurel, tmp_path):
    def run(content, *more):
        path = tmp_path / "draw.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return laurel("draw", "verify", path, *more)

    return run


def test_a_true_draw_holds(verify, transcript):
    result = verify(transcript)
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[-1] == "The draw holds."
    assert "targets         9 frozen, 4 drawn" in result.out


def test_json_says_so_in_one_object(verify, transcript):
    result = verify(transcript, "--json")
    assert (result.code, result.json) == (0, {"plan": "plan-1", "holds": True, "faults": []})


CHANGES = {
    "another seed": lambda t: t.update(seed="0" * 64),
    "another result": lambda t: t["results"].reverse(),
    "a target left out": lambda t: t["targets"].pop(),
    "a target drawn twice": lambda t: t["targets"].append(t["targets"][0]),
    "another secret": lambda t: t["secrets"].update(ministry="x"),
    "a secret too many": lambda t: t["secrets"].update(someone="x"),
    "another public value": lambda t: t.update(public_value="1"),
    "another version": lambda t: t.update(version="laurel-draw/2"),
    "more targets": lambda t: t["plan"].update(target_count=5),
    "other caps": lambda t: t["plan"]["caps"].update({"agency-b": 0}),
    "a target withdrawn": lambda t: t["withdrawn"].update(
        {t["results"][0]["target"]: "the project is REVOKED"}
    ),
    "something else withdrawn": lambda t: t["withdrawn"].update({"P-99": "the project is REVOKED"}),
    "no plan": lambda t: t.pop("plan"),
    "results of another kind": lambda t: t.update(results=7),
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_was_changed_is_found(verify, transcript, change):
    CHANGES[change](transcript)
    result = verify(transcript, "--json")
    assert result.code == 1
    assert result.json["holds"] is False
    assert result.json["faults"]
    assert verify(transcript).out.splitlines()[-1] == "The draw does not hold."


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000])
def test_a_file_that_is_no_transcript_does_not_hold(verify, content):
    result = verify(content, "--json")
    assert (result.code, result.json["holds"], result.json["plan"]) == (1, False, None)
    assert len(result.json["faults"]) == 1


def test_a_steered_draw_agrees_with_itself_but_not_with_its_announcement(verify, transcript):
    announced = transcript["plan_sha256"]
    assert verify(transcript, "--plan-sha256", announced.upper()).code == 0
    plan = transcript["plan"] | {"caps": {"agency-a": 15, "agency-b": 0}}
    steered = draw(plan, TARGETS, INSPECTORS, SECRETS, "3225.12")
    assert verify(steered).code == 0
    result = verify(steered, "--plan-sha256", announced, "--json")
    assert result.json["faults"] == ["the plan is not the one that was announced"]


def test_a_plan_that_was_changed_is_named(verify, transcript):
    transcript["plan"]["caps"]["agency-b"] = 0
    assert "the plan is not the one whose hash was published" in verify(transcript).out
