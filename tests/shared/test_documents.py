"""Generated parts of documents."""

import pytest
from click.testing import CliRunner

from shared.catalogue import CATALOGUE
from shared.documents import documents, events_table, main, picture, refreshed
from shared.settings_table import settings_table

BEFORE = "# A\n\n<!-- generated: settings -->\nold\n<!-- end generated -->\n\nkept\n"
AFTER = BEFORE.replace("\nold\n", f"\n\n{settings_table()}\n\n")


def test_a_part_is_made_anew_and_the_rest_is_kept():
    assert refreshed(BEFORE) == AFTER


def test_what_is_current_stays_as_it_is():
    assert refreshed(AFTER) == AFTER


def test_a_part_that_nobody_makes_is_an_error():
    with pytest.raises(KeyError, match="weather"):
        refreshed("<!-- generated: weather -->\n<!-- end generated -->")


def test_files_that_change_are_written_and_named(tmp_path):
    stale, current = tmp_path / "stale.md", tmp_path / "current.md"
    stale.write_text(BEFORE)
    current.write_text(AFTER)
    done = CliRunner().invoke(main, [str(stale), str(current)])
    assert (done.exit_code, done.output) == (0, f"{stale}\n")
    assert stale.read_text() == AFTER


def test_what_is_not_the_projects_own_is_left_alone(tmp_path):
    for name in ("README.md", "deploy/README.md", ".venv/x/README.md", "var/notes.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    found = [str(path.relative_to(tmp_path)) for path in documents(tmp_path)]
    assert found == ["README.md", "deploy/README.md"]


def test_every_event_has_its_row_with_those_who_take_it():
    lines = events_table().splitlines()
    for name in CATALOGUE:
        (row,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        assert "` |" in row.split("|", 3)[3]


def test_the_picture_shows_who_tells_whom_of_a_revocation():
    edges = [line for line in picture().splitlines() if "-->" in line]
    assert '  inspection -->|"project.*"| scoring' in edges
    assert '  agencies -->|"inspection.*"| inspection' in edges
    assert '  inspection -->|"receipt.issued"| agencies' in edges
