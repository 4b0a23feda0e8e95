"""`laurel programme`: faults line by line, then put into force."""

import pytest

from tests.shared.cli.conftest import PROGRAMME


def test_a_good_definition_is_called_good(laurel):
    result = laurel("programme", "check", PROGRAMME)
    assert (result.code, result.out, result.err) == (0, f"{PROGRAMME}: good\n", "")


def test_every_fault_is_told_with_its_line(laurel, tmp_path):
    text = PROGRAMME.read_text()
    lines = text.splitlines()
    quota = next(n for n, line in enumerate(lines, 1) if line.startswith("total_quota:"))
    lines[quota - 1] = "total_quota: many"
    path = tmp_path / "bad.yaml"
    path.write_text("\n".join([*lines, "surprise: 1", ""]))
    result = laurel("programme", "check", path)
    assert (result.code, result.err) == (1, f"laurel: {path}: 2 to change\n")
    assert result.out.splitlines() == [
        f"{path}: line {quota}: total_quota: Not a valid integer.",
        f"{path}: line {len(lines) + 1}: surprise: there is no such key; remove it",
    ]


@pytest.mark.parametrize("content", [b"", b"[]", b"a: [", b"\xff\xfe", b"&a [*a]", b"\0"])
def test_what_is_no_definition_is_refused_without_a_traceback(laurel, tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    result = laurel("programme", "check", path)
    assert result.code == 1
    assert result.err.startswith(f"laurel: {path}: ")
    assert result.err.count("\n") == 1


def test_a_definition_is_put_into_force_and_a_bad_one_is_not(installed, tmp_path):
    path = tmp_path / "round.yaml"
    path.write_text(PROGRAMME.read_text().replace('"2020"', '"2031"').replace("'2020'", "'2031'"))
    first, second = (installed("programme", "publish", path) for _ in range(2))
    assert (first.code, first.err) == (0, "")
    assert first.out.endswith("is in force\n")
    assert second.code == 0
    path.write_text("id: x\n")
    refusal = installed("programme", "publish", path).refusal
    assert refusal.startswith("intake answered 422: The programme definition has ")
