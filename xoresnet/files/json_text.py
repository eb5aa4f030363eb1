"""JSON texts that every reader accepts."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["json_text"]


def json_text(value: Any) -> str:
    """Return indented JSON text. NaN and infinity, which JSON cannot express, become null; tuples become lists.

    Raises TypeError for values that are no plain data.

    >>> print(json_text({"accuracy": float("nan")}))
    {
      "accuracy": null
    }
    """
    return json.dumps(_finite(value), indent=2)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
