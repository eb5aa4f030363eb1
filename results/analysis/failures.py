"""Reasons of failures, counted by kind: those that differ only in numbers, ids, paths or names are of one kind."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["by_kind", "kind_of"]

_VARIES = "…"
"""In a kind: what differs between its reasons."""
_LONGEST = 500
"""Characters of a reason that are looked at."""
_KNOWN = (
    ("its training diverged", r"\bdiverged in epoch \d"),
    ("it ran out of GPU memory", r"\b(?:CUDA|HIP|GPU|XPU|MPS)\b.*\bout of memory\b|\bGPU memory\b|CUDNN_STATUS_ALLOC"),
    ("it ran out of memory", r"\brunning low on memory\b|\bMemoryError\b|allocate memory|\bout of memory\b|\bOOM\b"),
    ("its node was lost", r"\bnode\b.{0,40}\b(?:has died|died|was lost|is dead|was terminated|preempted)\b"),
    ("its worker died", r"\b(?:worker|actor)\b.{0,40}\b(?:died|is dead|was killed|crashed)\b|\bActor(?:Died)?Error\b"),
)
"""What is called by many names: how it is shown, and what such reasons contain."""
_VARYING = re.compile(
    r"""
      \b[a-z][a-z0-9+.-]*://[^\s,;)'"]+               # addresses
    | (?<![\w.])~?(?:/[^\s/,;:)'"]+){2,}/?            # paths
    | '[^']*'|"[^"]*"|`[^`]*`                         # what is quoted
    | \b0x[0-9a-f]+\b
    | \b(?=[0-9a-f-]*\d)(?=[0-9a-f-]*[a-f])[0-9a-f]{2,}(?:[0-9a-f-]*[0-9a-f])?\b  # ids
    | (?<![\w.])[+-]?\d[\d,]*(?:\.\d+)?(?:e[+-]?\d+)?(?:\.\d+)*  # numbers
    | (?<=\d)\.\d+
    | (?<=[:=\[( ])(?:nan|[+-]?inf)\b
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What may differ between reasons of one kind."""


@lru_cache(maxsize=4096)
def kind_of(reason: str) -> str:
    """The kind of a reason: a known one by its name, any other with `…` for numbers, ids, paths and quoted texts.

    >>> kind_of("it took longer than 600 s"), kind_of("val_accuracy is nan at epoch 2")
    ('it took longer than … s', 'val_accuracy is … at epoch …')
    >>> kind_of("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.")
    'it ran out of GPU memory'
    """
    for kind, pattern in _KNOWN:
        if re.search(pattern, reason, re.IGNORECASE):
            return kind
    return " ".join(_VARYING.sub(_VARIES, reason).split())


def by_kind(reasons: Iterable[str]) -> dict[str, int]:
    """How many reasons there are of each kind, the most frequent first; a kind with one text alone has that text."""
    counts: Counter[str] = Counter()
    texts: dict[str, set[str]] = {}
    for whole in reasons:
        reason = whole[:_LONGEST]
        kind = kind_of(reason)
        counts[kind] += 1
        texts.setdefault(kind, set()).add(reason)
    known = {kind for kind, _ in _KNOWN}
    return {
        kind if kind in known or len(texts[kind]) > 1 else next(iter(texts[kind])): count
        for kind, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    }
