"""Reject reasons in few kinds: the sentences name fields and numbers, and a metric must not have a label for each."""

from __future__ import annotations

OTHER = "other"

# The first whose words stand in the sentence.
_WORDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("too_large", ("an upload has at most",)),
    ("unreadable", ("not an upload",)),
    ("unknown_schema", ("schema ", "VSS ")),
    ("another_car", ("another car",)),
    ("too_late", ("too far behind its boot", "boot too old")),
    ("unknown_signal", ("unknown signal",)),
    ("bad_envelope", ("not a boot id", "origin ")),
    ("bad_times", ("offsets must rise", "offsets_ms do not rise")),
    ("bad_columns", ("values for", "no number")),
    ("nothing_usable", ("no samples", "no plausible value", "nothing but positions")),
)

REASONS = (*(kind for kind, _ in _WORDS), OTHER)


def kind_of_reason(sentence: str) -> str:
    """The kind of a reject's reason, one of `REASONS`."""
    for kind, words in _WORDS:
        if any(word in sentence for word in words):
            return kind
    return OTHER
