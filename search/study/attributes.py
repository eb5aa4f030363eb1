"""Names of the user attributes of trials and studies, and of what a report holds; `trials.py` reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

from xoresnet.search.pruning.reports import RECORD
from xoresnet.search.strategy.marks import DUPLICATE, EVICTED, EXTRA_STEPS, INHERITED, PAUSED, RESCUES

__all__ = [
    "ARCH",
    "ARCH_ID",
    "CONFIRMS",
    "DATA",
    "DEVICE",
    "DIVERGED",
    "DRAWN",
    "DUPLICATE",
    "ENQUEUED",
    "EPOCHS",
    "EVICTED",
    "EXCLUDED",
    "EXTRA_STEPS",
    "FAILURE",
    "GIVEN_BACK",
    "GPU_SHARE",
    "IDENTITY",
    "INHERITED",
    "LAYERS",
    "NODE",
    "NOTICE",
    "OWNER",
    "PACKING",
    "PAUSED",
    "PRIOR",
    "RECIPE",
    "RECORD",
    "RESCUES",
    "RETRIED",
    "SOURCE",
    "is_plausible",
    "is_plausible_of_study",
]

ARCH, ARCH_ID, RECIPE = "arch", "arch_id", "recipe"
"""The network as JSON, its id, the recipe as JSON."""
SOURCE = "source"
"""What proposed the trial if not the sampler: the name of a baseline, `run:trial` of an earlier front, ..."""
DRAWN = "drawn"
"""Source: drawn at random after several duplicates in a row."""
EXCLUDED = -1
"""In `DUPLICATE`, in place of a trial's number: the network exceeds a constraint of the space."""
CONFIRMS = "confirms"
"""In the study of a confirmation: the number of the search's trial whose network is trained again."""
FAILURE, RETRIED = "failure", "retried_after"
"""Why the trial failed; the reasons for which it was tried again."""
GIVEN_BACK = "given_back"
"""Each time that the trial lost its node, which costs no retry: the last step it had reported, and what happened."""
GPU_SHARE = "gpu_share"
"""The share of a GPU that the trial takes at least, because it ran out of GPU memory with less."""
DIVERGED = "diverged"
"""Whether the trial itself reported that its training cannot succeed, so that no later search need try it again."""
LAYERS, NODE, DEVICE = "layers", "node_id", "device"
"""Keys of a report's metrics: the figures of each layer as JSON, in the last one; the id of the cluster's node; the
device that trained, as `cuda:0`."""
NOTICE = "notice"
"""Key of a report's metrics: what the worker has to say, which the driver shows once."""
IDENTITY, ENQUEUED, PRIOR = "search", "enqueued", "prior"
"""User attributes of the study: the fields that a resumed search must not change; set once all known networks are
enqueued; what the prior cost, or why there is none."""
DATA = "data_fingerprint"
"""User attribute of the study: the fingerprint of the images that its trainings see."""
EPOCHS = "epochs"
"""User attribute of the study: the epochs of a full training, by which costs are counted."""
PACKING = "packing"
"""User attribute of the study: what was measured of the space's networks on a GPU, and the share of it that a trial
takes."""
OWNER = "run"
"""User attribute of a study in a database: the id of the run that it belongs to, its folder and its host."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys((ARCH, ARCH_ID, RECIPE, FAILURE), str),
    **dict.fromkeys((DUPLICATE, RESCUES, PAUSED, EXTRA_STEPS, INHERITED), int),
    EVICTED: list,
    SOURCE: (str, NoneType),
    CONFIRMS: (int, NoneType),
    RETRIED: list,
    GPU_SHARE: (int, float),
}
_REPORT, _METRIC_NAMES = "report:", "study:metric_names"


def is_plausible(name: str, value: Any, objectives: int) -> bool:
    """Whether an attribute of a trial may have this value; one that a search never writes may have any."""
    if name.startswith(RECORD):
        return isinstance(value, dict)
    if name.startswith(_REPORT):
        return isinstance(value, list) and len(value) == objectives and all(isinstance(v, int | float) for v in value)
    if name == RETRIED:
        return isinstance(value, list) and all(isinstance(reason, str) for reason in value)
    if name == GIVEN_BACK:
        return isinstance(value, list) and all(map(_is_step_and_text, value))
    return isinstance(value, _TYPES.get(name, object))


def is_plausible_of_study(name: str, value: Any, objectives: int) -> bool:
    """The same for an attribute of a study."""
    if name == _METRIC_NAMES:
        return isinstance(value, list) and len(value) == objectives and all(isinstance(metric, str) for metric in value)
    return isinstance(value, dict) if name in (IDENTITY, PRIOR, PACKING) else True


def _is_step_and_text(value: Any) -> bool:
    return isinstance(value, list) and [type(part) for part in value] == [int, str]
