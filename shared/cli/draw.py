"""`laurel draw verify`: recompute a draw from its transcript; nothing else is needed."""

import json
import sys
from typing import Any

import click

from shared.draws import check_transcript


@click.group()
def draw() -> None:
    """Check the random draws of inspections."""


@draw.command()
@click.argument("file", type=click.File("rb"))
@click.option("--plan-sha256", help="The plan's hash as it was published before the draw.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def verify(file: Any, plan_sha256: str | None, as_json: bool) -> None:
    """Recompute the draw in the transcript FILE; exit 0 only if every part holds.

    Give the hash that was announced too: a transcript can agree with itself and with nothing else.
    What it rests on besides is listed to be looked up: the public value of the announced day, and
    in the register each target that was left out.
    """
    try:
        transcript = json.load(file)
        faults = check_transcript(transcript) if isinstance(transcript, dict) else ["not an object"]
        if plan_sha256 and not faults and transcript["plan_sha256"] != plan_sha256.lower():
            faults = ["the plan is not the one that was announced"]
    except (ValueError, RecursionError) as error:
        transcript, faults = {}, [f"the file is not JSON: {error}"]
    if as_json:
        told = {"plan": _plan(transcript), "holds": not faults, "faults": faults}
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in faults or _summary(transcript):
            click.echo(line)
        click.echo(f"The draw {'does not hold' if faults else 'holds'}.")
    sys.exit(1 if faults else 0)


def _plan(transcript: Any) -> str | None:
    plan = transcript.get("plan") if isinstance(transcript, dict) else None
    return str(plan.get("id")) if isinstance(plan, dict) else None


def _summary(transcript: dict[str, Any]) -> list[str]:
    agencies = sorted({result["agency"] for result in transcript["results"]})
    return [
        f"plan            {_plan(transcript)}",
        f"plan hash       {transcript['plan_sha256']}",
        f"seed            {transcript['seed']}",
        f"public value    {transcript['public_value']}",
        f"  announced as  {transcript['plan'].get('announced')}",
        f"  of the day    {transcript['plan'].get('draw_at')}",
        f"targets         {len(transcript['targets'])} frozen, {len(transcript['results'])} drawn",
        f"inspectors      {len(transcript['inspectors'])} frozen",
        f"agencies drawn  {', '.join(agencies)}",
        *(f"left out        {target}: {why}" for target, why in transcript["withdrawn"].items()),
    ]
