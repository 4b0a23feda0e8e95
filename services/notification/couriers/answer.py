"""What a courier brings back."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What became of one attempt; `final` needs no second one, `gone` ends the subscriber."""

    code: str
    taken: bool = False
    final: bool = False
    gone: bool = False
    error: str | None = None
