"""User attributes of the trials in a study: what their parameters alone do not say."""

from __future__ import annotations

__all__ = [
    "ARCH", "ARCH_ID", "CONFIRMS", "DRAWN", "DUPLICATE", "FAILURE", "GUIDED", "PRIOR", "RECIPE", "RECORD", "RESCUES",
    "RETRIED", "SOURCE",
]  # fmt: skip

ARCH, ARCH_ID, RECIPE = "arch", "arch_id", "recipe"
"""The network as JSON, its id, the recipe as JSON."""
SOURCE = "source"
"""What proposed it, where that was not the sampler: a baseline's name, `run:trial` of an earlier front, ..."""
DRAWN, GUIDED = "drawn", "prior"
"""... or chance, after duplicates in a row; or what shared weights said of it."""
DUPLICATE = "duplicate_of"
"""The trial that it was answered from; -1 where the network exceeds a constraint."""
RESCUES = "rescues"
"""The pruned trial that it finishes."""
CONFIRMS = "confirms"
"""In the study of a confirmation: the trial of the search whose network it trains again."""
RECORD = "record:"
"""All metrics of an epoch, behind its number."""
FAILURE, RETRIED = "failure", "retried_after"
"""Why it failed; why it was tried again, each time."""
PRIOR = "prior"
"""User attribute of the study: what its prior has cost, or why it has none."""
