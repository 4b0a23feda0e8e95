"""How the register is searched."""

import unicodedata


def folded(text: str) -> str:
    """A text as it is searched: neither case nor width of letters matters (UAX 15, NFKC)."""
    return unicodedata.normalize("NFKC", text).casefold()
