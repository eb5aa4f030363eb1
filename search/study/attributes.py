"""Names of the user attributes of trials and studies, and of what a report holds; `trials.py` reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = [
    "ARCH",
    "ARCH_ID",
    "CONFIRMS",
    "DRAWN",
    "DUPLICATE",
    "EXCLUDED",
    "FAILURE",
    "GUIDED",
    "LAYERS",
    "NODE",
    "PRIOR",
    "RECIPE",
    "RECORD",
    "REPORT",
    "RESCUES",
    "RETRIED",
    "SOURCE",
    "report_step",
    "reported",
    "reported_steps",
]

ARCH, ARCH_ID, RECIPE = "arch", "arch_id", "recipe"
"""The network as JSON, its id, the recipe as JSON."""
SOURCE = "source"
"""What proposed the trial if not the sampler: the name of a baseline, `run:trial` of an earlier front, ..."""
DRAWN, GUIDED = "drawn", "prior"
"""Sources: drawn at random after several duplicates in a row; chosen from the predictions of shared weights."""
DUPLICATE = "duplicate_of"
"""The number of the trial whose result answered this one, or `EXCLUDED`."""
EXCLUDED = -1
"""In place of a trial's number: the network exceeds a constraint of the space."""
RESCUES = "rescues"
"""The number of the pruned trial that this one continues to its full budget."""
CONFIRMS = "confirms"
"""In the study of a confirmation: the number of the search's trial whose network is trained again."""
REPORT, RECORD = "report:", "record:"
"""Followed by a step: the objective values after that step, and all metrics that were reported with them."""
FAILURE, RETRIED = "failure", "retried_after"
"""Why the trial failed; the reasons for which it was tried again."""
LAYERS, NODE = "layers", "node_id"
"""Keys of a report's metrics: the figures of each layer as JSON, in the last one; the id of the cluster's node."""
PRIOR = "prior"
"""User attribute of the study: what the prior cost, or why there is none."""


def reported(attributes: Mapping[str, Any]) -> dict[int, list[float]]:
    """The objective values that a trial has reported, by step in ascending order."""
    return {step: attributes[f"{REPORT}{step}"] for step in reported_steps(attributes)}


def reported_steps(attributes: Iterable[str]) -> list[int]:
    """The steps of all reports in ascending order; attributes with other names are ignored."""
    return sorted(
        report_step(key) for key in attributes if key.startswith(REPORT) and key[len(REPORT) :].isdecimal()
    )  # fmt: skip


def report_step(key: str) -> int:
    """The step of an attribute that holds a report."""
    return int(key[len(REPORT) :])
