"""How many trials fit on nodes; what real nodes answer is in `test_cluster.py`."""

from __future__ import annotations

from typing import Any

import pytest
from ray.tune.experiment import Trial as RayTrial

from xoresnet.errors import ClusterError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.cluster import places as places_file
from xoresnet.search.execution.cluster.places import Node, Places, check_machine, demand, slots_on

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
        ({"gpus_per_trial": 0.4}, 64, 8, 16),  # two on each: a share is one of a single GPU
        ({"gpus_per_trial": 2}, 64, 5, 2),
        ({"gpus_per_trial": "auto"}, 8, 1, 4),
    ],
)
def test_trials_on_a_node(changes: dict[str, Any], cpus: int, gpus: int, slots: int) -> None:
    assert slots_on(Node("", "here", {"CPU": cpus, "GPU": gpus}), CONFIG.replace(**changes)) == slots


def test_nodes_without_a_gpu_are_not_idle() -> None:
    """By default a trial takes a share of a GPU where there is one, and none elsewhere."""
    assert demand(Node("", "big", {"CPU": 8, "GPU": 2}), CONFIG) == {"CPU": 1, "GPU": 0.25}
    assert demand(Node("", "small", {"CPU": 8}), CONFIG) == {"CPU": 1}


class Shares:
    """What trials take, by their id."""

    default = 0.25

    def of(self, run_id: str) -> float:
        return 0.5 if run_id.startswith("large") else self.default


def test_a_trial_that_needs_more_takes_the_place_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places_file, "device_fault", lambda: "")
    places = Places(CONFIG, lambda: pytest.fail("nobody is examined"), is_ours=True)
    places.admit(Node("one", "here", {"CPU": 8, "GPU": 1}))
    places.begin(Shares())
    assert places.slots == 4
    asked = [places.request(RayTrial("train", trial_id=name, stub=True)) for name in ("large-1", "other", "large-2")]
    assert [request.bundles for request in asked] == [[{"CPU": 1, "GPU": gpus}] for gpus in (0.5, 0.25, 0.5)]
    assert places.slots == 2


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
