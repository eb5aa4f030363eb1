"""Packing by measurement: how many trainings share a GPU, from the smallest and the largest network of the space.

One task measures them on a GPU of the cluster before the first trial; `propose` turns its figures into a share. The
result is kept in the study, so that a search that continues does not measure again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

import ray

from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.gpu_shares import UNMEASURED
from xoresnet.search.execution.cluster.places import NODE_ID, Places, demand
from xoresnet.search.execution.failures import in_one_line
from xoresnet.search.execution.worker.trainable import load_data_once, prepare_worker
from xoresnet.search.prepare import full_recipe
from xoresnet.search.sources.networks import ArchProposals
from xoresnet.search.study.attributes import PACKING
from xoresnet.space.search_space import SearchSpace
from xoresnet.training.footprint import least_bytes
from xoresnet.training.step_cost import StepCost, step_cost

__all__ = ["Packing", "extremes", "measure_costs", "measure_packing", "propose"]

_ANSWER_SECONDS = 300.0
"""How long the measurement may take, with the wait for a GPU that nobody uses."""
_MEMORY_USED = 0.9
"""The part of a GPU's memory that trials may fill: what is measured is one batch, and memory falls into pieces."""
_MOST_AT_ONCE = 8
"""On one GPU: each trial has a process with a library of its own, and needs a CPU."""
_DRAWN = 200
_CLIMBED = 200
"""How many networks are looked at for the smallest and the largest one: drawn, and then changed."""


class Packing(NamedTuple):
    """How many trials share a GPU, and why."""

    at_once: int
    by_memory: int
    """How often the largest network fits."""
    by_speed: int
    """How many trainings it takes, on average over the two networks, to keep the GPU busy."""

    @property
    def share(self) -> float:
        """Of a GPU, for each trial."""
        return 1 / self.at_once


def propose(smallest: StepCost, largest: StepCost) -> Packing:
    """How many trials may share a GPU: no more than fit when all are the largest network, and no more than it takes to
    keep the GPU busy, because any more only take longer, and show the search less of what it could learn from.
    """
    by_memory = _MOST_AT_ONCE
    if largest.memory_bytes is not None and largest.total_bytes is not None:
        by_memory = int(_MEMORY_USED * largest.total_bytes / max(largest.memory_bytes, 1))
    busy = (smallest.busy + largest.busy) / 2
    by_speed = _MOST_AT_ONCE if busy * _MOST_AT_ONCE <= 1 else round(1 / busy)
    at_once = max(1, min(by_memory, by_speed, _MOST_AT_ONCE))
    return Packing(at_once, by_memory, by_speed)


def extremes(space: SearchSpace, recipe: Recipe) -> tuple[Arch, Arch]:
    """The network of a space that needs the least memory, and the one that needs the most, as far as a few hundred
    networks show: random ones, and others that differ in one field from the best so far.
    """

    def size(arch: Arch) -> int:
        return least_bytes(arch, recipe.batch_size)

    rng = Random(0)
    drawn = [space.sample(rng) for _ in range(_DRAWN)]
    return _climb(min(drawn, key=size), space, lambda arch: -size(arch)), _climb(max(drawn, key=size), space, size)


def _climb(arch: Arch, space: SearchSpace, value: Callable[[Arch], int]) -> Arch:
    rng, best = Random(0), value(arch)
    for _ in range(_CLIMBED):
        other = space.mutate(arch, rng)
        if value(other) > best:
            arch, best = other, value(other)
    return arch


def measure_costs(data: str, archs: Sequence[str], recipe: str, threads: int, device: str | None = None) -> list[Any]:
    """The cost of a step of each network, as plain tuples; runs on a node. The arguments are JSON, as in a trial.

    device: None for a GPU if there is any.
    """
    prepare_worker(threads)
    loaded, how = load_data_once(data), Recipe.model_validate_json(recipe)
    return [tuple(step_cost(Arch.from_json(arch), loaded, how, device=device)) for arch in archs]


def measure_packing(bridge: TrialBridge, config: SearchConfig, places: Places, data: DataSet) -> None:
    """Measure once, before the first trial of a search over networks on nodes with GPUs, how many share one; the study
    gets the result, and the user a sentence. Where that fails, a trial takes a quarter, and the sentence says why.
    """
    is_search = isinstance(bridge.source, ArchProposals)
    with_gpu = [node for node in places.usable if "GPU" in demand(node, config)]
    if not is_search or config.gpus_per_trial is not None or not with_gpu or PACKING in bridge.study.user_attrs:
        return
    try:
        smallest, largest = _measured(config, data, [node.node_id for node in with_gpu])
    except Exception as error:
        reason = in_one_line(str(error)) or type(error).__name__
        bridge.say(f"no network could be measured on a GPU, so that a trial takes {UNMEASURED:g} of one: {reason}")
        return
    packing = propose(smallest, largest)
    costs = {"smallest": smallest._asdict(), "largest": largest._asdict()}
    bridge.study.set_user_attr(PACKING, {"gpus_per_trial": packing.share, **packing._asdict(), **costs})
    bridge.say(_sentence(packing, smallest, largest))


def _measured(config: SearchConfig, data: DataSet, node_ids: Sequence[str]) -> tuple[StepCost, StepCost]:
    """The cost of a step of the smallest and of the largest network of the space."""
    space = config.search_space.for_images(data.input_shape, data.num_classes)
    recipe = _largest_batches(full_recipe(config, space), space)
    archs = [arch.to_json(indent=None) for arch in extremes(space, recipe)]
    task = ray.remote(measure_costs).options(
        num_cpus=config.cpus_per_trial,
        num_gpus=1,
        max_retries=0,
        label_selector={NODE_ID: f"in({','.join(node_ids)})"},
    )
    spec = config.data.located().model_dump_json()
    answer = task.remote(spec, archs, recipe.model_dump_json(), config.cpus_per_trial)
    until = time.monotonic() + _ANSWER_SECONDS
    while not ray.wait([answer], timeout=1.0)[0]:  # in short turns, between which a signal is heard
        if time.monotonic() > until:
            ray.cancel(answer, force=True)
            raise TimeoutError(f"no GPU was free for that within {_ANSWER_SECONDS:g} s")
    smallest, largest = ray.get(answer)
    return StepCost(*smallest), StepCost(*largest)


def _largest_batches(recipe: Recipe, space: SearchSpace) -> Recipe:
    """The recipe with the largest batches that the space may choose."""
    domain = space.recipe.get("batch_size")
    if domain is None:
        return recipe
    largest = [value for value in (*(domain.values or ()), getattr(domain, "high", None)) if isinstance(value, int)]
    return recipe.replace(batch_size=max(largest, default=recipe.batch_size))


def _sentence(packing: Packing, smallest: StepCost, largest: StepCost) -> str:
    memory = ""
    if largest.memory_bytes is not None and largest.total_bytes is not None:
        memory = f" and takes {largest.memory_bytes / 2**30:.1f} of its {largest.total_bytes / 2**30:.0f} GiB"
    trials = "1 trial runs" if packing.at_once == 1 else f"{packing.at_once} trials run"
    return (
        f"measured on a GPU: the smallest network keeps it busy for {smallest.busy:.0%} of the time, the largest one "
        f"for {largest.busy:.0%}{memory}; {trials} on each (gpus_per_trial={packing.share:.3g})"
    )
