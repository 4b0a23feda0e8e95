"""The draw once more, written from a transcript's `algorithm` text alone; shares no code with it."""

import json
from hashlib import sha256


def h(text):
    return sha256(text.encode("utf-8")).hexdigest()


def net(*parts):
    return "".join("{}:{},".format(len(p.encode("utf-8")), p) for p in parts)


def js(value):
    if isinstance(value, dict):
        inner = (json.dumps(k, ensure_ascii=False) + ":" + js(value[k]) for k in sorted(value))
        return "{" + ",".join(inner) + "}"
    if isinstance(value, list):
        return "[" + ",".join(js(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def ticket(seed, kind, *ids):
    number = str(int(h(h(seed) + net(kind, *ids)), 16))
    while len(number) < 64:
        number = "0" + number
    return "0." + "".join(reversed(number))


def by_id(entries):
    return sorted(entries, key=lambda entry: entry["id"])


def seed_of(t):
    hashes = [h(js(by_id(t["targets"]))), h(js(by_id(t["inspectors"])))]
    secrets = [t["secrets"][holder] for holder in sorted(t["secrets"])]
    return h(net(t["version"], t["plan_sha256"], *hashes, *secrets, t["public_value"]))


def try_agency(t, seed, target, agency, times):
    """The inspectors and no reason, or none and the reason why the agency is skipped."""
    if times >= t["plan"]["caps"].get(agency, 0):
        return None, "the agency is at its cap"
    free = []
    for inspector in t["inspectors"]:
        of_agency = inspector["agency"] == agency
        if of_agency and not any(code in target["parties"] for code in inspector["conflicts"]):
            free.append(inspector["id"])
    if len(free) < t["plan"]["min_inspectors"]:
        return None, "too few inspectors without conflict of interest"
    free.sort(key=lambda name: ticket(seed, "inspector", target["id"], name))
    return free[: t["plan"]["min_inspectors"]], None


def recompute(t):
    """(seed, results, skips) of a transcript."""
    seed, results, skips = seed_of(t), [], []
    assert t["plan_sha256"] == h(js(t["plan"]))
    agencies = {inspector["agency"] for inspector in t["inspectors"]}
    for target in sorted(t["targets"], key=lambda it: ticket(seed, "target", it["id"])):
        if len(results) >= t["plan"]["target_count"]:
            break
        name = target["id"]
        if name in t["withdrawn"]:
            skips.append({"target": name, "reason": t["withdrawn"][name]})
            continue
        for agency in sorted(agencies, key=lambda it, n=name: ticket(seed, "agency", n, it)):
            times = sum(1 for result in results if result["agency"] == agency)
            team, reason = try_agency(t, seed, target, agency, times)
            if team:
                number = ticket(seed, "target", name)
                results.append(
                    {"target": name, "ticket": number, "agency": agency, "inspectors": team}
                )
                break
            skips.append({"target": name, "agency": agency, "reason": reason})
    return seed, results, skips
