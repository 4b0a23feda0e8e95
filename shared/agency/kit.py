"""The generated part of the agency kit: AsyncAPI document, schemas, signed samples."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from shared.agency.signing import public_part, sign
from shared.asyncapi import document, standalone

# RFC 8037, appendix A.1: a published key, so that a sample's signature can be checked anywhere
TEST_KEY = {
    "kty": "OKP",
    "crv": "Ed25519",
    "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
TEST_KID = "rfc8037-test-key"
METHODS: dict[str, dict[str, Any]] = {
    "site_check": {
        "findings": [
            {"key": "operation", "result": "ok"},
            {"key": "signage", "result": "breach", "note": "the plaque is missing"},
        ],
        "result": "breach",
    },
    "full_assessment": {"score": "82.50", "result": "no_breach"},
    "questionnaire": {
        "questionnaire": {"issued": 200, "returned": 180, "satisfied": 160},
        "result": "no_breach",
    },
}


def write_kit(directory: Path) -> Iterator[Path]:
    """Write it all; gives each file written."""
    files = dict(_files())
    for name, content in sorted(files.items()):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        yield path


def _files() -> Iterator[tuple[str, bytes]]:
    yield "asyncapi.json", _pretty(document())
    for name in ("Report", "Receipt"):
        yield f"schemas/{name}.json", _pretty(standalone(name))
    yield "samples/public-key.json", _pretty(public_part(TEST_KEY))
    for method in METHODS:
        body = json.dumps(sample(method), ensure_ascii=False, indent=2).encode()
        yield f"samples/{method}.json", body
        yield f"samples/{method}.signature", sign(body, TEST_KEY, TEST_KID).encode()


def sample(method: str) -> dict[str, Any]:
    """A whole message for one method."""
    data = {
        "method": method,
        "conducted_on": "2020-11-11",
        "inspectors": ["agency-a-1", "agency-a-4"],
        "signed_by": "Zhao",
        **METHODS[method],
    }
    return {
        "specversion": "1.0",
        "id": str(uuid5(NAMESPACE_URL, method)),
        "source": "/agencies/agency-a",
        "type": "laurel.inspection.reported",
        "subject": "019330d8-5c00-7000-8000-000000000001",
        "time": "2020-11-11T10:00:00+08:00",
        "data": data,
    }


def _pretty(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
