"""The verifiable draw: anyone can recompute it from its transcript. Pure, standard library only.

Tickets as in Rivest's consistent sampler (R. L. Rivest, "Consistent Sampling with Replacement",
2018): each entry's ticket is SHA-256 of the seed and the entry's id alone, so that skipping one
entry moves no other. The directories are frozen and published by hash before the seed can be known;
the seed joins secrets committed by hash with a public value named in advance.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

VERSION = "laurel-draw/1"
ALGORITHM = (
    "seed = SHA-256(netstrings of: version, plan, targets hash, inspectors hash, each secret in "
    "the order of its holder's name, public value); ticket = SHA-256(netstrings of: seed, kind, "
    "ids); the lowest tickets are drawn; a target's agency is the lowest agency ticket that has "
    "enough inspectors without conflict and is below its cap; its inspectors are the lowest "
    "inspector tickets of that agency"
)


def freeze(directory: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of a directory in canonical JSON, entries in the order of their ids."""
    ordered = sorted(directory, key=lambda entry: str(entry["id"]))
    text = json.dumps(ordered, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def commitment(secret: str) -> str:
    """What the holder of a secret publishes before the draw."""
    return hashlib.sha256(secret.encode()).hexdigest()


def draw(
    plan: Mapping[str, Any],
    targets: Sequence[Mapping[str, Any]],
    inspectors: Sequence[Mapping[str, Any]],
    secrets: Mapping[str, str],
    public_value: str,
) -> dict[str, Any]:
    """The whole transcript of a draw.

    `plan` has id, target_count, min_inspectors, caps {agency: remaining} and commitments
    {holder: sha256}; targets have id and parties (codes whose inspectors are in conflict);
    inspectors have id, agency and conflicts.
    """
    targets_hash, inspectors_hash = freeze(targets), freeze(inspectors)
    parts = [VERSION, str(plan["id"]), targets_hash, inspectors_hash]
    parts += [secrets[holder] for holder in sorted(secrets)]
    seed = _digest(*parts, public_value)
    results, skips = _assign(plan, targets, inspectors, seed)
    return {
        "version": VERSION,
        "algorithm": ALGORITHM,
        "plan": dict(plan),
        "targets": sorted(map(dict, targets), key=lambda entry: str(entry["id"])),
        "inspectors": sorted(map(dict, inspectors), key=lambda entry: str(entry["id"])),
        "targets_sha256": targets_hash,
        "inspectors_sha256": inspectors_hash,
        "secrets": dict(secrets),
        "public_value": public_value,
        "seed": seed,
        "results": results,
        "skips": skips,
    }


def check_transcript(transcript: Mapping[str, Any]) -> list[str]:
    """What does not hold in a transcript; empty when every part recomputes."""
    try:
        return _faults(transcript)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [f"the transcript is not complete: {type(error).__name__} {error}"]


def ticket(seed: str, kind: str, *ids: str) -> str:
    """One entry's ticket in hexadecimal; depends on nothing but the seed and the entry."""
    return _digest(seed, kind, *ids)


def _faults(transcript: Mapping[str, Any]) -> list[str]:
    faults = []
    if transcript["version"] != VERSION:
        faults.append(f"version is not {VERSION}")
    plan, secrets = transcript["plan"], transcript["secrets"]
    for name in ("targets", "inspectors"):
        ids = [str(entry["id"]) for entry in transcript[name]]
        if len(set(ids)) < len(ids):
            faults.append(f"an id stands twice among the {name}")
        for where, published in (("transcript", transcript), ("plan", plan)):
            if published[f"{name}_sha256"] != freeze(transcript[name]):
                faults.append(f"the {name} are not those whose hash the {where} names")
    if plan["commitments"].keys() != secrets.keys():
        faults.append("the secrets are not those that were committed to")
    faults += [
        f"the secret of {holder} does not fit its commitment"
        for holder, secret in secrets.items()
        if plan["commitments"].get(holder) != commitment(secret)
    ]
    again = draw(
        plan, transcript["targets"], transcript["inspectors"], secrets, transcript["public_value"]
    )
    faults += [
        f"{name} does not recompute"
        for name in ("algorithm", "seed", "results", "skips")
        if again[name] != transcript[name]
    ]
    return faults


def _assign(
    plan: Mapping[str, Any],
    targets: Sequence[Mapping[str, Any]],
    inspectors: Sequence[Mapping[str, Any]],
    seed: str,
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    by_ticket = sorted((ticket(seed, "target", str(t["id"])), str(t["id"])) for t in targets)
    parties = {str(t["id"]): set(t["parties"]) for t in targets}
    used: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    skips: list[dict[str, str]] = []
    for number, target in by_ticket:
        if len(results) == plan["target_count"]:
            break
        for agency in _agencies(inspectors, seed, target):
            chosen, reason = _team(plan, inspectors, seed, target, agency, parties[target], used)
            if chosen:
                used[agency] += 1
                results.append({"target": target, "ticket": number, "agency": agency,
                                "inspectors": chosen})  # fmt: skip
                break
            skips.append({"target": target, "agency": agency, "reason": reason})
    return results, skips


def _agencies(inspectors: Sequence[Mapping[str, Any]], seed: str, target: str) -> list[str]:
    agencies = {str(inspector["agency"]) for inspector in inspectors}
    return sorted(agencies, key=lambda agency: ticket(seed, "agency", target, agency))


def _team(  # noqa: PLR0917 - the parts of one decision
    plan: Mapping[str, Any],
    inspectors: Sequence[Mapping[str, Any]],
    seed: str,
    target: str,
    agency: str,
    parties: set[str],
    used: Counter[str],
) -> tuple[list[str], str]:
    if used[agency] >= plan["caps"].get(agency, 0):
        return [], "the agency is at its cap"
    free = [
        str(inspector["id"])
        for inspector in inspectors
        if inspector["agency"] == agency and not parties & set(inspector["conflicts"])
    ]
    if len(free) < plan["min_inspectors"]:
        return [], "too few inspectors without conflict of interest"
    free.sort(key=lambda inspector: ticket(seed, "inspector", target, inspector))
    return free[: plan["min_inspectors"]], ""


def _digest(*parts: str) -> str:
    """SHA-256 over netstrings, so that no two lists of parts give the same bytes."""
    data = b"".join(b"%d:%s," % (len(part.encode()), part.encode()) for part in parts)
    return hashlib.sha256(data).hexdigest()
