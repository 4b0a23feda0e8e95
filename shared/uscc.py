"""Unified social credit codes in the one form in which they are kept and compared.

GB 32100-2015: registering authority, category, division code, organisation code and check digit, 18
characters in all, without I, O, Z, S and V.
"""

import re

from stdnum.cn import ric, uscc
from stdnum.exceptions import ValidationError

LENGTH, OLDEST = 18, 1900
# stdnum's own check wants a digit first; the authorities A, N and Y register too.
SHAPE = re.compile("[1-9ANY][1-9][0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}")

# The first two characters: each authority and the categories that it registers. A resident's
# identity number has as many digits, and one in 31 of them even the right check digit.
AUTHORITIES = {
    "1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "129", "7": "129",
    "8": "19", "9": "123", "A": "19", "N": "1239", "Y": "1",
}  # fmt: skip


def compacted(code: str) -> str:
    """The code, or a part of one, in capitals and without spaces or hyphens."""
    return str(uscc.compact(code))


def canonical(code: str) -> str:
    """The code in its one form; raises ValueError saying what is wrong."""
    compact = compacted(code)
    if fault := _fault(compact):
        raise ValueError(f"is not a unified social credit code ({fault})")
    return compact


def _fault(code: str) -> str | None:
    if len(code) != LENGTH:
        return f"it has {len(code)} characters, not {LENGTH}"
    if not SHAPE.fullmatch(code):
        return "it has a character that none has in that place"
    if uscc.calc_check_digit(code[:-1]) != code[-1]:
        return "its check character does not fit"
    if code[1] not in AUTHORITIES.get(code[0], ""):
        return f"no known authority and category begins with {code[:2]}"
    if _is_residents(code):
        return "it is a resident's identity number"
    return None


def _is_residents(code: str) -> bool:
    """Whether it is a date of birth within a check digit of its own (GB 11643-1999)."""
    if not code[:-1].isdigit() or ric.calc_check_digit(code) != code[-1]:
        return False
    try:
        return ric.get_birth_date(code).year >= OLDEST
    except ValidationError:
        return False
