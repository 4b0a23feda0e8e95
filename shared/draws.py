"""The verifiable draw: anyone can recompute it from its transcript. Pure, standard library only.

Order by tickets of Rivest's consistent sampler (R. L. Rivest, "Consistent Sampling with
Replacement", arXiv:1808.10016): each entry's ticket comes of the seed and the entry's ids alone, so
that skipping one entry moves no other. The directories and the whole plan are frozen and published
before the seed can be known; the seed joins them with secrets committed by hash and with a public
value named in advance.

Every agency has the same chance for every target, however many inspectors it registers: otherwise
names on paper would win it work.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from shared.canonical import canonical, digest

VERSION = "laurel-draw/1"
AT_CAP = "the agency is at its cap"
TOO_FEW = "too few inspectors without conflict of interest"
ALGORITHM = (
    "hash(x) = SHA-256 of x in UTF-8, as lower-case hexadecimal. net(a, b, ...) = for each part "
    "its length in bytes as a decimal number, ':', the part, ','. json(x) = JSON with the keys "
    "in order and no spaces, its strings written as in RFC 8785. Order of ids, keys and "
    "tickets: by code points. targets_sha256 = hash(json(targets by id)), inspectors_sha256 "
    "likewise, plan_sha256 = hash(json(plan)), which is published before the draw. "
    "seed = hash(net(version, plan_sha256, targets_sha256, inspectors_sha256, "
    "each secret in the order of its holder's name, public_value)). ticket(kind, ids) = '0.' "
    "and then, last digit first, the digits of hash(hash(seed) + net(kind, ids)) read as a "
    "number and written in decimal, filled with zeros in front to 64 digits: the first ticket "
    "of Rivest's consistent sampler for that seed and the id net(kind, ids). Targets are taken "
    "by ticket('target', target) until target_count of them are drawn; one that is in withdrawn is "
    "skipped, with the reason there. For each, the agencies "
    "of the inspectors are tried by ticket('agency', target, agency). Skipped, with the reason: "
    f"'{AT_CAP}' (drawn as often as its number in caps, 0 if it has none), then '{TOO_FEW}' (in "
    "conflict is an inspector one of whose conflicts is one of the target's parties; there must "
    "be min_inspectors others). The first agency not skipped is drawn, with its first "
    "min_inspectors inspectors without conflict by ticket('inspector', target, inspector)"
)


def freeze(directory: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of a directory in canonical JSON, entries in the order of their ids."""
    return digest(canonical(_by_id(directory)))


def plan_hash(plan: Mapping[str, Any]) -> str:
    """SHA-256 of an announced plan in canonical JSON: all that a draw depends on but chance."""
    return digest(canonical(plan))


def commitment(secret: str) -> str:
    """What the holder of a secret publishes before the draw."""
    return digest(secret)


def draw(
    plan: Mapping[str, Any],
    targets: Sequence[Mapping[str, Any]],
    inspectors: Sequence[Mapping[str, Any]],
    secrets: Mapping[str, str],
    public_value: str,
    *,
    withdrawn: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """The whole transcript of a draw.

    `plan` has id, target_count, min_inspectors, caps {agency: remaining}, commitments
    {holder: sha256} and whatever else was announced; targets have id and parties (codes whose
    inspectors are in conflict); inspectors have id, agency and conflicts. `withdrawn` names the
    targets that have ceased to be some since the plan, each with the reason: they take no place.
    """
    targets_hash, inspectors_hash = freeze(targets), freeze(inspectors)
    parts = [VERSION, plan_hash(plan), targets_hash, inspectors_hash]
    parts += [secrets[holder] for holder in sorted(secrets)]
    seed = digest(netstrings(*parts, public_value))
    results, skips = _assign(plan, targets, inspectors, seed, withdrawn)
    return {
        "version": VERSION,
        "algorithm": ALGORITHM,
        "plan": dict(plan),
        "plan_sha256": plan_hash(plan),
        "targets": _by_id(targets),
        "inspectors": _by_id(inspectors),
        "targets_sha256": targets_hash,
        "inspectors_sha256": inspectors_hash,
        "secrets": dict(secrets),
        "public_value": public_value,
        "withdrawn": dict(withdrawn),
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


def ticket(seed: str, entry: str) -> str:
    """The first ticket number of Rivest's consistent sampler for an entry.

    The digits stand last first: the low ones are unbiased, the high ones are not.
    """
    digits = f"{int(digest(digest(seed) + entry), 16):064d}"
    return f"0.{digits[::-1]}"


def netstrings(*parts: str) -> str:
    """The parts, each with its length in bytes, so that no two lists of parts give one text."""
    return "".join(f"{len(part.encode())}:{part}," for part in parts)


def _faults(transcript: Mapping[str, Any]) -> list[str]:
    faults = []
    if transcript["version"] != VERSION:
        faults.append(f"version is not {VERSION}")
    plan, secrets = transcript["plan"], transcript["secrets"]
    if transcript["plan_sha256"] != plan_hash(plan):
        faults.append("the plan is not the one whose hash was published")
    if not {str(entry["id"]) for entry in transcript["targets"]} >= transcript["withdrawn"].keys():
        faults.append("what was withdrawn is no target")
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
        plan,
        transcript["targets"],
        transcript["inspectors"],
        secrets,
        transcript["public_value"],
        withdrawn=transcript["withdrawn"],
    )
    names = sorted(again.keys() | transcript.keys())
    return faults + [
        f"{name} does not recompute" for name in names if again.get(name) != transcript.get(name)
    ]


def _assign(
    plan: Mapping[str, Any],
    targets: Sequence[Mapping[str, Any]],
    inspectors: Sequence[Mapping[str, Any]],
    seed: str,
    withdrawn: Mapping[str, str],
) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    ids = [str(target["id"]) for target in targets]
    by_ticket = sorted((ticket(seed, netstrings("target", target)), target) for target in ids)
    parties = {str(t["id"]): set(t["parties"]) for t in targets}
    used: Counter[str] = Counter()
    results: list[dict[str, Any]] = []
    skips: list[dict[str, str]] = []
    for number, target in by_ticket:
        if len(results) == plan["target_count"]:
            break
        if target in withdrawn:
            skips.append({"target": target, "reason": withdrawn[target]})
            continue
        free = [i for i in inspectors if not parties[target] & set(i["conflicts"])]
        for agency in _agencies(inspectors, seed, target):
            chosen, reason = _team(plan, free, seed, target, agency, used[agency])
            if chosen:
                used[agency] += 1
                results.append(
                    {"target": target, "ticket": number, "agency": agency, "inspectors": chosen}
                )
                break
            skips.append({"target": target, "agency": agency, "reason": reason})
    return results, skips


def _agencies(inspectors: Sequence[Mapping[str, Any]], seed: str, target: str) -> list[str]:
    agencies = {str(inspector["agency"]) for inspector in inspectors}
    return sorted(agencies, key=lambda it: ticket(seed, netstrings("agency", target, it)))


def _team(  # noqa: PLR0917 - the parts of one decision
    plan: Mapping[str, Any],
    free: Sequence[Mapping[str, Any]],
    seed: str,
    target: str,
    agency: str,
    used: int,
) -> tuple[list[str], str]:
    if used >= plan["caps"].get(agency, 0):
        return [], AT_CAP
    own = [str(inspector["id"]) for inspector in free if inspector["agency"] == agency]
    if len(own) < plan["min_inspectors"]:
        return [], TOO_FEW
    own.sort(key=lambda it: ticket(seed, netstrings("inspector", target, it)))
    return own[: plan["min_inspectors"]], ""


def _by_id(directory: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return sorted(map(dict, directory), key=lambda entry: str(entry["id"]))
