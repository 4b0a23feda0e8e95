"""Who takes part: invented from a seed, plainly fictitious, with valid codes.

The same seed and size give the same applications, experts and failures.
"""

import hashlib
import random
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle, islice
from typing import Any

from stdnum.cn import uscc

from shared.agency.signing import generate_key
from shared.programme.values import Programme

EXPERTS, AGENCIES, INSPECTORS_EACH = 60, 5, 8
FAILING_SHARE = 0.07  # 7.3 % and 6.7 % in the published rounds of sister programmes
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"  # GB 32100-2015: without I O S V Z
BODY_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714: check character of an organisation's code
SURNAMES = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许"
PLACES = ("云上", "蓝鲸", "青禾", "星桥", "远山", "明湖", "竹林", "晨光", "海棠", "松果")
TRADES = ("数字", "智联", "信息", "创想", "互动", "健康", "在线", "物联")
WORKS = ("虚构消费平台", "虚构服务示范", "虚构体验中心", "虚构智能产品", "虚构协同系统")


class Fate(StrEnum):
    """How an application fares in the truth review; made up, and only the demo knows it."""

    VERIFIED = "verified"
    RETURNED_ONCE = "returned once"
    NOT_RECOMMENDED = "not recommended"
    INELIGIBLE = "ineligible"


FATES = (
    [Fate.VERIFIED] * 90
    + [Fate.RETURNED_ONCE] * 5
    + [Fate.NOT_RECOMMENDED] * 3
    + [Fate.INELIGIBLE] * 2
)


@dataclass(frozen=True)
class Applicant:
    """One undertaker and its application."""

    unit: str
    uscc: str
    name: str
    title: str
    direction: int
    email: str
    fate: Fate

    def application(self, programme: str) -> dict[str, Any]:
        """The body of the application."""
        return {
            "programme": programme,
            "unit": self.unit,
            "uscc": self.uscc,
            "undertaker_name": self.name,
            "title": self.title,
            "direction": self.direction,
            "contact_email": self.email,
            "evidence": [
                {"kind": kind, "filename": f"{kind}.pdf", "size": 120_000,
                 "sha256": hashlib.sha256(f"{self.uscc} {kind}".encode()).hexdigest()}
                for kind in ("business_licence", "project_report")
            ],
        }  # fmt: skip


@dataclass(frozen=True)
class Cast:
    """Everybody of one run; `run` keeps the codes of several runs on one stack apart."""

    seed: int
    run: int

    def dice(self, *about: object) -> random.Random:
        """Chance for one purpose, independent of every other purpose."""
        return random.Random(f"{self.seed}/{'/'.join(map(str, about))}")  # noqa: S311 - not for secrets

    def applicants(
        self, count: int, units: Sequence[Mapping[str, Any]], programme: Programme
    ) -> list[Applicant]:
        """Applications spread over the units as their quotas are, and over all directions."""
        places = [
            unit for unit in units for _ in range(programme.quota_of(unit["code"], unit["kind"]))
        ]
        self.dice("places").shuffle(places)
        directions = sorted(programme.directions)
        chosen = islice(cycle(places), count)
        return [self._applicant(n, unit, directions) for n, unit in enumerate(chosen)]

    def _applicant(
        self, number: int, unit: Mapping[str, Any], directions: Sequence[int]
    ) -> Applicant:
        dice = self.dice("applicant", number)
        name = f"虚构{dice.choice(PLACES)}{dice.choice(TRADES)}科技有限公司（{number + 1:03}号）"
        return Applicant(
            unit=unit["code"],
            uscc=self._credit_code(number, unit.get("region_code") or "110000"),
            name=name,
            title=f"{dice.choice(PLACES)}{dice.choice(WORKS)}",
            direction=directions[number % len(directions)],
            email=f"contact{number + 1}@undertaker.example",
            fate=Fate.VERIFIED if number == 0 else dice.choice(FATES),
        )

    def _credit_code(self, number: int, region: str) -> str:
        body = f"MA{_in_alphabet((self.run * 100_000 + number) * 7919 + self.seed, 6)}"
        first = f"91{region}{body}{_body_check(body)}"
        return first + str(uscc.calc_check_digit(first))

    def experts(self, applicants: Sequence[Applicant]) -> Iterator[dict[str, Any]]:
        """Experts; some work for an applicant or declare a conflict, and must not score it."""
        for number in range(EXPERTS):
            dice = self.dice("expert", number)
            applicant = dice.choice(applicants)
            yield {
                "code": f"X{number + 1:03}",
                "name": _name(dice),
                "directions": sorted(dice.sample(range(1, 11), 4)),
                "employer_uscc": applicant.uscc if number % 5 == 0 else None,
                "conflicts": [applicant.unit] if number % 7 == 0 else [],
            }

    def points(self, project: str, expert: str, criteria: Sequence[str]) -> dict[str, str]:
        """An expert's scores: a project has its level, an expert differs a little."""
        level = self.dice("level", project).uniform(55, 92)
        dice = self.dice("points", project, expert)
        return {key: f"{min(100.0, max(0.0, dice.gauss(level, 4))):.1f}" for key in criteria}

    def agencies(self) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Each agency with its inspectors."""
        for letter in string.ascii_lowercase[:AGENCIES]:
            dice = self.dice("agency", letter)
            code = f"demo-{self.run}{letter}"
            agency = {
                "code": code,
                "name": f"虚构第三方检查机构{self.run}{letter.upper()}",
                "legal_representative": _name(dice),
            }
            yield (
                agency,
                [
                    {"code": f"{code}-{n + 1}", "name": _name(dice), "agency": code}
                    for n in range(INSPECTORS_EACH)
                ],
            )

    def failing(self, projects: Sequence[str]) -> set[str]:
        """Which inspected projects fail: about 7 %, at least one."""
        count = max(1, round(FAILING_SHARE * len(projects)))
        return set(self.dice("failing").sample(sorted(projects), min(count, len(projects))))


def fresh_keys(agencies: Sequence[str]) -> dict[str, dict[str, str]]:
    """A private key for each agency; keys alone are never made from the seed."""
    return {agency: generate_key() for agency in agencies}


def _name(dice: random.Random) -> str:
    return dice.choice(SURNAMES) + dice.choice("甲乙丙丁戊己庚辛壬癸")


def _in_alphabet(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(CODE_ALPHABET))
        digits.append(CODE_ALPHABET[digit])
    return "".join(reversed(digits))


def _body_check(body: str) -> str:
    values = (int(character, 36) for character in body)
    check = 11 - sum(w * v for w, v in zip(BODY_WEIGHTS, values, strict=True)) % 11
    return {10: "X", 11: "0"}.get(check, str(check))
