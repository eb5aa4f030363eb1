"""What is proposed for made-up measurements, and a real measurement on the CPU; none on a GPU."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
import ray

from xoresnet.description.recipe import Recipe
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.cluster import packing, places
from xoresnet.search.execution.cluster.packing import extremes, measure_costs, measure_packing, propose
from xoresnet.search.execution.cluster.places import Node, Places
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.prepare import plan_search
from xoresnet.search.run import SearchRun
from xoresnet.space.search_space import SearchSpace
from xoresnet.training.footprint import least_bytes
from xoresnet.training.step_cost import StepCost

GIB = 2**30
SMALL = """
arch: {input_shape: [1, 8, 8], num_classes: 10, depth: [8, 14], width: [2, 4, 8], merge: [or, add], timesteps: [1, 2]}
"""


@pytest.mark.parametrize(
    ("busy", "memory", "total", "at_once"),
    [
        ((0.1, 0.3), 1.0, 16.0, 5),  # 0.2 of the time each
        ((0.1, 0.3), 4.0, 16.0, 3),  # more do not fit
        ((0.0, 0.0), 1.0, 80.0, 8),  # never more
        ((0.9, 0.9), 1.0, 80.0, 1),
        ((0.5, 0.9), 1.0, 80.0, 1),
        ((0.3, 0.5), 1.0, 80.0, 2),
        ((0.0, 0.1), 30.0, 16.0, 1),  # not even one, which a trial will say
        ((0.2, 0.3), None, None, 4),
    ],
)
def test_proposal(busy: tuple[float, float], memory: float | None, total: float | None, at_once: int) -> None:
    sizes = [None if size is None else int(size * GIB) for size in (memory, total)]
    proposed = propose(StepCost(0.01, busy[0], GIB // 2, sizes[1]), StepCost(0.05, busy[1], *sizes))
    assert (proposed.at_once, proposed.share) == (at_once, 1 / at_once)


def test_the_smallest_and_the_largest_network() -> None:
    space, recipe = SearchSpace.from_yaml(SMALL), Recipe()
    smallest, largest = extremes(space, recipe)
    assert (smallest.depth, smallest.width, smallest.timesteps) == (8, 2, 1)
    assert (largest.depth, largest.width, largest.timesteps) == (14, 8, 2)


def test_in_a_large_space_they_are_found_nearly() -> None:
    space = SearchSpace.preset("cifar")
    sizes = [least_bytes(arch, 64) for arch in extremes(space, Recipe())]
    others = [least_bytes(space.sample(Random(seed)), 64) for seed in range(300)]
    assert sizes[0] <= min(others)
    assert sizes[1] >= max(others)


def test_costs_on_the_cpu() -> None:
    """Which has no memory to share out."""
    space, recipe = SearchSpace.from_yaml(SMALL), Recipe(batch_size=64, precision="fp32")
    archs = [arch.to_json(indent=None) for arch in extremes(space, recipe)]
    spec = SearchConfig(space=space, data="digits").data.located().model_dump_json()
    smallest, largest = (StepCost(*cost) for cost in measure_costs(spec, archs, recipe.model_dump_json(), 1, "cpu"))
    assert (largest.memory_bytes, largest.total_bytes) == (None, None)
    for cost in (smallest, largest):
        assert cost.seconds > 0
        assert 0 <= cost.busy <= 1
    assert "takes" not in packing._sentence(propose(smallest, largest), smallest, largest)


def test_the_sentence() -> None:
    costs = StepCost(0.01, 0.1, GIB, 80 * GIB), StepCost(0.05, 0.4, 3 * GIB, 80 * GIB)
    assert packing._sentence(propose(*costs), *costs) == (
        "measured on a GPU: the smallest network keeps it busy for 10% of the time, the largest one for 40% and takes "
        "3.0 of its 80 GiB; 4 trials run on each (gpus_per_trial=0.25)"
    )


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")
def test_where_nothing_can_be_measured_a_trial_takes_a_quarter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "device_fault", lambda: "")
    config = SearchConfig(space=SearchSpace.from_yaml(SMALL), data="digits", recipe={"batch_size": 64}, epochs=1)
    plan = plan_search(config)
    with RunFolder(tmp_path / "run").opened(plan.config):
        search = SearchRun(plan, RunFolder(tmp_path / "run"))
    here = Places(plan.config, lambda: pytest.fail("nobody is examined"), is_ours=True)
    here.admit(Node(ray.get_runtime_context().get_node_id(), "here", {"CPU": 2, "GPU": 1}))
    measure_packing(search.bridge, plan.config, here, plan.data)
    (notice,) = search.bridge.notices  # Ray says at once that the node has none
    assert notice.startswith(
        "no network could be measured on a GPU, so that a trial takes 0.25 of one: The task is not"
    )
    assert "packing" not in search.study.user_attrs
    measure_packing(search.bridge, plan.config.replace(gpus_per_trial=0.5), here, plan.data)
    assert len(search.bridge.notices) == 1
