"""How many trials fit on nodes; what real nodes answer is in `test_cluster.py`."""

from __future__ import annotations

import pytest
from ray.tune.experiment import Trial as RayTrial

from xoresnet.errors import ClusterError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.places import Node, Places, check_machine, demand, slots_on

CONFIG = SearchConfig.from_dict({"space": "digits"})


@pytest.mark.parametrize(
    ("changes", "cpus", "gpus", "slots"),
    [
        ({}, 8, 0, 8),
        ({}, 8, 1, 4),  # a quarter of the GPU each
        ({}, 2, 4, 2),
        ({"cpus_per_trial": 3}, 8, 0, 2),
        ({"cpus_per_trial": 2}, 1, 0, 0),
        ({"gpus_per_trial": 1}, 8, 0, 0),
        ({"gpus_per_trial": 0}, 8, 1, 8),
        ({"gpus_per_trial": 0.1}, 64, 1, 10),
    ],
)
def test_trials_on_a_node(changes: dict[str, float], cpus: int, gpus: int, slots: int) -> None:
    assert slots_on(Node("", "here", {"CPU": cpus, "GPU": gpus}), CONFIG.replace(**changes)) == slots


def test_nodes_without_a_gpu_are_not_idle() -> None:
    """By default a trial takes a share of a GPU where there is one, and none elsewhere."""
    assert demand(Node("", "big", {"CPU": 8, "GPU": 2}), CONFIG) == {"CPU": 1, "GPU": 0.25}
    assert demand(Node("", "small", {"CPU": 8}), CONFIG) == {"CPU": 1}


@pytest.mark.parametrize(
    ("changes", "needs"),
    [
        ({"cpus_per_trial": 64}, "64 CPU"),
        ({"gpus_per_trial": 1}, "1 CPU and 1 GPU"),
        ({"cpus_per_trial": 3, "gpus_per_trial": 0.5}, "3 CPU and 0.5 GPU"),
    ],
)
def test_a_trial_that_fits_nowhere(changes: dict[str, float], needs: str) -> None:
    with pytest.raises(ClusterError, match=f"^a trial needs {needs}, but this machine has 2 CPU$"):
        check_machine(CONFIG.replace(**changes), cpus=2, gpus=0)


def test_a_trial_that_was_asked_for_without_any_node_is_asked_for_anew() -> None:
    """It names none, so that it would wait for ever."""
    places = Places(CONFIG, lambda: pytest.fail("nobody is examined"), is_ours=True)
    places.request(RayTrial("train", stub=True))
    assert not places.are_replaced
    places.admit(Node("one", "here", {"CPU": 2}))
    assert places.are_replaced
    places.begin()
    places.request(RayTrial("train", stub=True))
    assert not places.are_replaced
