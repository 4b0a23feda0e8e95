"""The kit that agencies get is the one the code makes, and its samples are good."""

import json
from pathlib import Path

import pytest

from services.inspection.rules.receipts import Code
from shared.agency.kit import METHODS, TEST_KEY, TEST_KID, write_kit
from shared.agency.message import load_report, read_message
from shared.agency.signing import key_id_of, public_part, verify
from shared.asyncapi import document
from shared.catalogue import CATALOGUE
from shared.spine.envelope import CONTENT_TYPE

KIT = Path(__file__).parents[3] / "deploy/agency-kit"


def test_the_generated_files_are_current(tmp_path):
    made = {path.relative_to(tmp_path): path.read_bytes() for path in write_kit(tmp_path)}
    kept = {path.relative_to(KIT): path.read_bytes() for path in KIT.rglob("*") if path.is_file()}
    kept.pop(Path("HANDBOOK.md"))
    assert made == kept, "run: laurel agency kit deploy/agency-kit"


@pytest.mark.parametrize("method", METHODS)
def test_every_sample_is_a_good_report_with_a_good_signature(method):
    body = (KIT / f"samples/{method}.json").read_bytes()
    header = (KIT / f"samples/{method}.signature").read_text()
    verify(body, header, public_part(TEST_KEY))
    assert key_id_of(header) == TEST_KID
    assert load_report(read_message(body, CONTENT_TYPE).data)["method"] == method


def test_the_asyncapi_document_has_every_event_and_no_dangling_reference():
    made = document()
    assert {name for name in made["channels"] if not name.startswith("agency.")} == set(CATALOGUE)
    known = set(made["components"]["schemas"])
    text = json.dumps(made)
    referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= known
    for operation in made["operations"].values():
        assert operation["channel"]["$ref"].rsplit("/", 1)[1] in made["channels"]


def test_the_handbook_explains_every_receipt_code_in_the_order_of_the_checks():
    text = (KIT / "HANDBOOK.md").read_text()
    places = [text.find(f"| `{code}` |") for code in Code]
    assert -1 not in places
    assert places == sorted(places)
