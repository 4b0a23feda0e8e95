"""Texts as every database can hold them: without NUL, without halves of surrogate pairs."""


def is_storable(text: str) -> bool:
    """Whether every database can hold it."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def storable(value: object, longest: int) -> str:
    """A value's text, cut, with NUL and half surrogates written out; never raises."""
    try:
        text = str(value)[:longest]
    except BaseException as error:  # one whose words fail is parked all the same
        text = f"(no words: {type(error).__name__})"
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
