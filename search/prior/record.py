"""What a study records of the prior of its search. Imports neither torch nor Ray."""

from __future__ import annotations

from typing import Any

from optuna.study import Study

from xoresnet.search.study.attributes import PRIOR

__all__ = ["budget_of", "prior_of"]


def prior_of(study: Study) -> dict[str, Any]:
    """`trials_charged`, `epochs_charged`, `seconds` and `networks`; or `failed`, the reason; empty without a prior."""
    record: dict[str, Any] = study.user_attrs.get(PRIOR, {})
    return record


def budget_of(study: Study, trials: int) -> int:
    """How many of `trials` trials the search finishes: the others pay for the prior."""
    return max(1, trials - int(prior_of(study).get("trials_charged", 0)))
