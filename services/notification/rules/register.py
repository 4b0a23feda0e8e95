"""How the register is searched."""

import re
import unicodedata

CODE = re.compile("(?=.*[0-9])[0-9a-z]{6,18}")


def folded(text: str) -> str:
    """A text as it is searched: neither case nor width of letters matters (UAX 15, NFKC)."""
    return unicodedata.normalize("NFKC", text).casefold()


def searches(text: str) -> list[str]:
    """What is looked for: the text; of a code or a part of one in groups, also its one form."""
    words = folded(text)
    code = re.sub(r"[\s-]", "", words)
    return [words, code] if code != words and CODE.fullmatch(code) else [words]
