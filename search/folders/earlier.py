"""Configurations that earlier versions have written, in the words of this one, so that their runs stay readable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["of_today"]


def of_today(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a saved configuration; those of a search whose budget was a number of trials are translated.

    Such a search had a sampler and a pruner, and its known networks came first.

    >>> of_today({"trials": 40, "sampler": "tpe", "pruner": {"kind": "pareto"}, "baselines": True, "rescue": 2})
    {'sampler': 'tpe', 'pruner': {'kind': 'pareto'}, 'strategy': 'classic', 'budget': 40, 'baselines': 'first'}
    """
    if "trials" not in fields or "budget" in fields:
        return dict(fields)
    kept = {name: value for name, value in fields.items() if name not in ("trials", "rescue", "baselines", "prior")}
    baselines = "first" if fields.get("baselines", True) else "none"
    return {**kept, "strategy": "classic", "budget": fields["trials"], "baselines": baselines}
