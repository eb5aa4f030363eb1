"""Where trials may run: nodes of the cluster that have what a trial needs, and have shown that they can run one."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import ray
import torch
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from xoresnet.data.load import DataSet
from xoresnet.errors import ClusterError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.failures import in_one_line
from xoresnet.search.execution.probe import Question, device_fault, examine
from xoresnet.search.execution.ray_plugin import Unsaved, guarded

__all__ = ["Newcomers", "Node", "Places", "check_machine", "find_places"]

_PROBE_SECONDS = 120.0
_LOOK_SECONDS = 5.0
_NODE_ID = "ray.io/node-id"
"""Ray's label of each node."""
_GPU_SHARE = 0.25
"""Of a GPU, for a trial on a node that has one, unless the configuration says otherwise."""


class Node(NamedTuple):
    """A machine of the cluster."""

    node_id: str
    name: str
    resources: Mapping[str, float]
    """Whole amounts by Ray's names: CPU, GPU."""

    def __str__(self) -> str:
        return f"{self.name} has {_amounts({name: self.resources.get(name, 0) for name in ('CPU', 'GPU')})}"


def nodes() -> list[Node]:
    """The nodes of the cluster that are alive."""
    listed: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return [Node(node["NodeID"], node["NodeManagerHostname"], node["Resources"]) for node in listed if node["Alive"]]


def find_places(config: SearchConfig, data: DataSet, run: Path) -> Places:
    """The nodes on which trials can run now. Nodes other than this machine are examined first.

    data: as this process has read it. run: the folder of the run.
    Raises `ClusterError` if a trial fits on no node, or if no node that it fits on can run one.
    """
    present = nodes()
    fitting = [node for node in present if slots_on(node, config)]
    if not fitting:
        raise ClusterError(_fits_nowhere(config, present))
    places = Places(config, lambda: Question.of(config, data, run))
    if present[0].name == socket.gethostname() and len(present) == 1:
        places.admit(present[0])
    else:
        places.begin_to_examine(fitting)
        places.wait()
    if not places.slots:
        raise ClusterError(f"no node can run a trial: {'; '.join(places.faults)}")
    return places


def check_machine(config: SearchConfig, cpus: int | None = None, gpus: int | None = None) -> None:
    """Check that a trial fits on a machine with so many CPUs and GPUs; None for those of this one.

    Raises `ClusterError`.
    """
    cpus = cpus or os.cpu_count() or 1
    gpus = torch.cuda.device_count() if gpus is None else gpus
    here = Node("", "this machine", {"CPU": cpus, "GPU": gpus})
    if not slots_on(here, config):
        raise ClusterError(_fits_nowhere(config, [here]))


def demand(node: Node, config: SearchConfig) -> dict[str, float]:
    """What a trial takes on a node: a share of a GPU by default, where there is one."""
    gpus = config.gpus_per_trial
    if gpus is None:
        gpus = _GPU_SHARE if node.resources.get("GPU") else 0.0
    return {"CPU": float(config.cpus_per_trial), **({"GPU": gpus} if gpus else {})}


def slots_on(node: Node, config: SearchConfig) -> int:
    """How many trials run on a node at once, by its CPUs and GPUs."""
    wanted = demand(node, config)
    return min(int(node.resources.get(name, 0) / amount + 1e-9) for name, amount in wanted.items())


class Places:
    """The nodes that can run trials, and what each trial asks for."""

    def __init__(self, config: SearchConfig, question: Callable[[], Question]) -> None:
        """question: what to ask of nodes, where there are others than this machine."""
        self._config, self._question = config, question
        self._admitted: dict[str, Node] = {}
        self._asked: dict[Any, tuple[Node, float]] = {}
        """By the future answer: the node, and until when it may take."""
        self._known: set[str] = set()
        self._is_ours = False
        """Whether the only node is this machine, so that a trial need not say where it runs."""
        self._on_gpu: list[RayTrial] = []
        self.faults: list[str] = []
        """Why nodes run no trials, a sentence for each."""

    @property
    def slots(self) -> int:
        """How many trials run at once."""
        fit = sum(slots_on(node, self._config) for node in self._admitted.values())
        return min(fit, self._config.max_concurrent or fit)

    def admit(self, node: Node) -> None:
        """Let trials run on this machine, if it has the GPU that they are given."""
        self._known.add(node.node_id)
        self._is_ours = True
        fault = device_fault() if "GPU" in demand(node, self._config) else ""
        if fault:
            self.faults.append(f"{node.name}: {fault}")
        else:
            self._admitted[node.node_id] = node

    def begin_to_examine(self, candidates: Iterable[Node]) -> None:
        """Ask nodes that were not asked before; `collect` and `wait` take their answers."""
        for node in candidates:
            if node.node_id in self._known or not slots_on(node, self._config):
                continue
            self._known.add(node.node_id)
            gpus = demand(node, self._config).get("GPU", 0.0)
            where = NodeAffinitySchedulingStrategy(node.node_id, soft=False)
            probe = ray.remote(examine).options(num_cpus=0, num_gpus=gpus, max_retries=0, scheduling_strategy=where)
            answer = probe.remote(self._question()._replace(wants_gpu=gpus > 0))
            self._asked[answer] = node, time.monotonic() + _PROBE_SECONDS

    def collect(self) -> list[str]:
        """Take the answers that are there; returns the faults among them."""
        faults: list[str] = []
        for answer, (node, until) in list(self._asked.items()):
            ready, _ = ray.wait([answer], timeout=0)
            if not ready and time.monotonic() < until:
                continue
            del self._asked[answer]
            fault = _fault_in(answer) if ready else f"it did not answer within {_PROBE_SECONDS:g} s"
            if fault:
                faults.append(f"{node.name} runs no trial: {fault}")
            else:
                self._admitted[node.node_id] = node
        self.faults += faults
        return faults

    def wait(self) -> None:
        """Take all answers."""
        while self._asked:
            ray.wait(list(self._asked), num_returns=len(self._asked), timeout=1.0)
            self.collect()

    def request(self, trial: RayTrial) -> tune.PlacementGroupFactory:
        """What the next trial asks for, and on which nodes: those with a GPU first."""
        admitted = list(self._admitted.values())
        with_gpu = [node for node in admitted if "GPU" in demand(node, self._config)]
        others = [node for node in admitted if node not in with_gpu]
        self._on_gpu = [running for running in self._on_gpu if not running.is_finished()]  # type: ignore[no-untyped-call]
        if with_gpu and (not others or len(self._on_gpu) < sum(slots_on(node, self._config) for node in with_gpu)):
            self._on_gpu.append(trial)
            chosen = with_gpu
        else:
            chosen = others
        bundle = demand(chosen[0], self._config)
        if self._is_ours:
            return tune.PlacementGroupFactory([bundle])
        where = {_NODE_ID: f"in({','.join(node.node_id for node in chosen)})"}
        return tune.PlacementGroupFactory([bundle], bundle_label_selector=[where])


class Newcomers(Unsaved, tune.Callback):
    """Examines nodes that join while trials run; those that pass run later trials."""

    def __init__(self, bridge: TrialBridge, places: Places) -> None:
        self.bridge, self._places = bridge, places
        self._looked = time.monotonic()

    @guarded(otherwise=None)
    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self._places.begin_to_examine(nodes())
        self.bridge.errors += self._places.collect()


def _fault_in(answer: Any) -> str:
    try:
        return str(ray.get(answer))
    except Exception as error:  # above all a module that is not there
        return in_one_line(str(error))


def _fits_nowhere(config: SearchConfig, present: Sequence[Node]) -> str:
    needs = _amounts({"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial or 0})
    return f"a trial needs {needs}, but {', '.join(map(str, present)) or 'the cluster has no node'}"


def _amounts(resources: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items() if amount or name == "CPU")
