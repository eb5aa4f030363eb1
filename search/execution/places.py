"""Where trials may run: nodes of the cluster that have what a trial needs, and have shown that they can run one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
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
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.probe import Question, device_fault, examine
from xoresnet.search.execution.ray_plugin import Unsaved, guarded

__all__ = ["Node", "NodeWatch", "NodesReplacedError", "Places", "check_machine", "find_places"]

_PROBE_SECONDS = 600.0
"""A node may have to decode the data set."""
_WAIT_SECONDS = 60.0
"""How long the first trial waits for the answers of slow nodes, once some can run it."""
_ALONE_SECONDS = 120.0
"""How long a search waits for a node once all are lost."""
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


def find_places(config: SearchConfig, data: DataSet, run: Path, *, is_ours: bool) -> Places:
    """The nodes on which trials can run now.

    data: as this process has read it. run: the folder of the run. is_ours: whether the only node is this machine, so
    that it need not be examined.
    Raises `ClusterError` if a trial fits on no node, or if no node that it fits on can run one.
    """
    present = nodes()
    fitting = [node for node in present if slots_on(node, config)]
    if not fitting:
        raise ClusterError(_fits_nowhere(config, present))
    places = Places(config, cache(lambda: Question.of(config, data, run)), is_ours=is_ours)
    if is_ours:
        places.admit(fitting[0])
    else:
        places.begin_to_examine(fitting)
        places.wait()
    if not places.can_run:
        why = "; ".join(places.faults) or "all were lost while they were examined"
        raise ClusterError(f"no node can run a trial: {why}")
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

    def __init__(self, config: SearchConfig, question: Callable[[], Question], *, is_ours: bool = False) -> None:
        """question: what to ask of nodes. is_ours: whether the only node is our own."""
        self._config, self._question, self._is_ours = config, question, is_ours
        self._admitted: dict[str, Node] = {}
        self._asked: dict[Any, tuple[Node, float]] = {}
        """By the future answer: the node, and until when it may take."""
        self._known: set[str] = set()
        self._requests: list[_Request] = []
        self.faults: list[str] = []
        """Why nodes run no trials, a sentence for each."""

    @property
    def slots(self) -> int:
        """How many trials run at once on the nodes that are there now; 1, which waits, where there is none."""
        fit = sum(slots_on(node, self._config) for node in self._admitted.values())
        return max(1, min(fit, self._config.max_concurrent or fit))

    @property
    def _is_alone(self) -> bool:
        """Whether no node but our own was ever there, so that no trial need name it."""
        return self._is_ours and len(self._known) == 1

    @property
    def can_run(self) -> bool:
        """Whether there is a node that runs trials."""
        return bool(self._admitted)

    @property
    def may_come(self) -> bool:
        """Whether a node runs trials, or is being examined."""
        return bool(self._admitted or self._asked)

    def admit(self, node: Node) -> None:
        """Let trials run on our own node; without its GPUs if torch finds none and none were asked for."""
        self._known.add(node.node_id)
        fault = device_fault() if "GPU" in demand(node, self._config) else ""
        if fault and self._config.gpus_per_trial is not None:
            self.faults.append(f"{node.name}: {fault}; gpus_per_trial=0 trains on the CPU")
            return
        if fault:
            self.faults.append(f"{node.name}: {fault}; trials run on the CPU")
            node = node._replace(resources={**node.resources, "GPU": 0.0})
        self._admitted[node.node_id] = node

    def begin_to_examine(self, candidates: Iterable[Node]) -> None:
        """Ask nodes that were not asked before and on which a trial fits; `collect` and `wait` take their answers."""
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
            if fault and all(node.node_id != other.node_id for other in nodes()):
                continue  # it was lost meanwhile
            if fault:
                faults.append(f"{node.name} runs no trial: {fault}")
            else:
                self._admitted[node.node_id] = node
        self.faults += faults
        return faults

    def wait(self) -> None:
        """Take all answers; those that take longer than a minute, if some node can run trials already, come later."""
        until = time.monotonic() + _WAIT_SECONDS
        while self._asked and (time.monotonic() < until or not self._admitted):
            ray.wait(list(self._asked), num_returns=len(self._asked), timeout=1.0)
            self.collect()

    def update(self) -> list[str]:
        """Let go of nodes that are lost, and examine those that have joined; returns the faults of the latter."""
        present = nodes()
        alive = {node.node_id for node in present}
        self._admitted = {name: node for name, node in self._admitted.items() if name in alive}
        self.begin_to_examine(present)
        return self.collect()

    def begin(self) -> None:
        """Forget what trials have asked for: none of them runs any more."""
        self._requests = []

    @property
    def are_replaced(self) -> bool:
        """Whether a trial waits for nodes that are all lost, while others could run it."""
        waiting = [request.nodes for request in self._requests if request.trial.status == RayTrial.PENDING]
        return bool(self._admitted) and any(not wanted & self._admitted.keys() for wanted in waiting)

    def request(self, trial: RayTrial) -> tune.PlacementGroupFactory:
        """What the next trial asks for, and on which nodes: those with a GPU first."""
        self._requests = [each for each in self._requests if not each.trial.is_finished()]  # type: ignore[no-untyped-call]
        with_gpu = [node for node in self._admitted.values() if "GPU" in demand(node, self._config)]
        others = [node for node in self._admitted.values() if node not in with_gpu]
        on_gpu = sum(request.wants_gpu for request in self._requests)
        wants_gpu = bool(with_gpu) and (not others or on_gpu < sum(slots_on(node, self._config) for node in with_gpu))
        chosen = with_gpu if wants_gpu else others
        if not chosen:  # all are lost: the trial waits, and is asked for anew once others are there
            self._requests.append(_Request(trial, False, frozenset()))
            return tune.PlacementGroupFactory([{"CPU": float(self._config.cpus_per_trial)}], **_on(["none"]))
        names = [node.node_id for node in chosen]
        self._requests.append(_Request(trial, wants_gpu, frozenset(names)))
        return tune.PlacementGroupFactory([demand(chosen[0], self._config)], **({} if self._is_alone else _on(names)))


class _Request(NamedTuple):
    trial: RayTrial
    wants_gpu: bool
    nodes: frozenset[str]


class NodesReplacedError(Exception):
    """Trials wait for nodes that are lost, and others could run them: the trials have to be asked for anew."""


class NodeWatch(Unsaved, tune.Callback):
    """Lets go of nodes that are lost while trials run, and examines those that join, which then run later trials."""

    def __init__(self, bridge: TrialBridge, places: Places, lifeline: Lifeline) -> None:
        self.bridge, self._places, self._lifeline = bridge, places, lifeline
        self._looked = self._had_nodes = time.monotonic()

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        """Raises `NodesReplacedError`, which ends Ray's experiment."""
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._look()
            if self._places.are_replaced:
                raise NodesReplacedError

    @guarded(otherwise=None)
    def _look(self) -> None:
        self._looked = time.monotonic()
        self.bridge.errors += self._places.update()
        if self._places.may_come:
            self._had_nodes = self._looked
        elif self._looked - self._had_nodes > _ALONE_SECONDS:
            self._lifeline.lose("no node that can run trials is left in the cluster")


def _on(node_ids: Iterable[str]) -> dict[str, Any]:
    return {"bundle_label_selector": [{_NODE_ID: f"in({','.join(node_ids)})"}]}


def _fault_in(answer: Any) -> str:
    try:
        return str(ray.get(answer))
    except Exception as error:  # above all a module that is not there
        return in_one_line(str(error)) or type(error).__name__


def _fits_nowhere(config: SearchConfig, present: Sequence[Node]) -> str:
    needs = _amounts({"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial or 0})
    return f"a trial needs {needs}, but {', '.join(map(str, present)) or 'the cluster has no node'}"


def _amounts(resources: Mapping[str, float]) -> str:
    return " and ".join(f"{amount:g} {name}" for name, amount in resources.items() if amount or name == "CPU")
