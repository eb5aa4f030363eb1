"""Where trials may run: nodes of the cluster that have what a trial needs, and have shown that they can run one."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple, Protocol

import ray
import torch
from ray import tune
from ray.tune.experiment import Trial as RayTrial
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from xoresnet.data.load import DataSet
from xoresnet.errors import ClusterError
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.cluster.gpu_shares import UNMEASURED
from xoresnet.search.execution.cluster.nodes import Node, amounts, answers, is_lost, leaving, nodes
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.failures import in_one_line
from xoresnet.search.execution.worker.probe import Question, device_fault, examine

__all__ = ["NODE_ID", "Node", "Places", "Shares", "check_machine", "demand", "find_places", "slots_on"]

_PROBE_SECONDS = 600.0
"""A node may have to decode the data set."""
_WAIT_SECONDS = 60.0
"""How long the first trial waits for the answers of slow nodes, once some can run it."""
NODE_ID = "ray.io/node-id"
"""Ray's label of each node."""


class Shares(Protocol):
    """What trials take of a GPU where there is one, unless the configuration says otherwise."""

    @property
    def default(self) -> float:
        """What a new trial takes."""

    def of(self, run_id: str) -> float:
        """What the trial that runs under this id takes."""


def find_places(
    config: SearchConfig, data: DataSet, url: str | None, *, is_ours: bool, wait: WaitForNodes | None = None
) -> Places:
    """The nodes on which trials can run now.

    data: as this process has read it. url: of the run, None for one in a folder. is_ours: whether the only node is this
    machine, so that it need not be examined. wait: for how many nodes of a cluster to wait.
    Raises `ClusterError` if a trial fits on no node, or if no node that it fits on can run one.
    """
    places = Places(config, cache(lambda: Question.of(config, data, url)), is_ours=is_ours)
    if wait is not None and not is_ours:
        wait.wait(places.look)
    present = nodes()
    fitting = [node for node in present if slots_on(node, config)]
    if not fitting:
        raise ClusterError(_fits_nowhere(config, present))
    if is_ours:
        places.admit(fitting[0])
    else:
        places.begin_to_examine(fitting)
    if wait is None or not places.can_run:
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


def demand(node: Node, config: SearchConfig, share: float | None = None) -> dict[str, float]:
    """What a trial takes on a node: a share of a GPU by default, where there is one.

    share: of a GPU; None for what the configuration says, or a quarter.
    """
    gpus = config.gpus_per_trial
    if gpus is None:
        gpus = (share or UNMEASURED) if node.resources.get("GPU") else 0.0
    elif gpus and share:
        gpus = max(gpus, share)
    return {"CPU": float(config.cpus_per_trial), **({"GPU": gpus} if gpus else {})}


def slots_on(node: Node, config: SearchConfig, share: float | None = None) -> int:
    """How many trials run on a node at once, by its CPUs and GPUs. share: as in `demand`."""
    wanted = demand(node, config, share)
    return min(_times(node.resources.get(name, 0), amount) for name, amount in wanted.items())


def _times(there: float, amount: float) -> int:
    """How often an amount fits; a share is one of a single GPU, never of two."""
    if amount < 1:
        return int(there) * int(1 / amount + 1e-9)
    return int(there / amount + 1e-9)


class Places:
    """The nodes that can run trials, and what each trial asks for."""

    def __init__(self, config: SearchConfig, question: Callable[[], Question], *, is_ours: bool = False) -> None:
        """question: what to ask of nodes. is_ours: whether the only node is our own."""
        self._config, self._question, self._is_ours = config, question, is_ours
        self._admitted: dict[str, Node] = {}
        self._asked: dict[Any, tuple[Node, float]] = {}
        """By the future answer: the node, and until when it may take."""
        self._known: set[str] = set()
        self._silent: dict[str, Node] = {}
        """Nodes that were admitted, and did not answer when one of their workers had died."""
        self._lives: dict[str, float] = {}
        self._leaving: frozenset[str] = frozenset()
        self._shares: Shares | None = None
        self._like = Node("", "", {})
        """A node as the last trial was given."""
        self._requests: list[_Request] = []
        self.faults: list[str] = []
        """Why nodes run no trials, a sentence for each."""

    @property
    def usable(self) -> list[Node]:
        """The nodes that can run trials now, those with a GPU for trials first."""
        here = [node for name, node in self._admitted.items() if name not in self._leaving]
        return sorted(here, key=lambda node: "GPU" not in demand(node, self._config))

    @property
    def fit(self) -> int:
        """How many trials run at once on the nodes that are there now, as far as these have room."""
        share = self._share
        fit = sum(slots_on(node, self._config, share) for node in self.usable)
        larger = sum(request.gpus / share - 1 for request in self._unfinished() if request.gpus > share)
        return max(0, fit - max(0, math.ceil(larger - self._spare_shares - 1e-9)))

    @property
    def _spare_shares(self) -> int:
        """How many shares of GPUs are left over where the CPUs are all taken."""
        config, share = self._config, self._share
        wanted = [(node, demand(node, config, share).get("GPU")) for node in self.usable]
        return sum(
            _times(node.resources["GPU"], gpus) - slots_on(node, config, share)
            for node, gpus in wanted
            if gpus is not None
        )

    @property
    def slots(self) -> int:
        """How many trials run at once, within `max_concurrent`; 1, which waits, where there is no node."""
        return max(1, min(self.fit, self._config.max_concurrent or self.fit))

    @property
    def bundle(self) -> dict[str, float]:
        """What one more trial would ask for, if there were more nodes of the kind that is used first."""
        return demand((self.usable or [self._like])[0], self._config, self._share)

    @property
    def _share(self) -> float:
        configured = self._config.gpus_per_trial or UNMEASURED
        return configured if self._shares is None else self._shares.default

    @property
    def _is_alone(self) -> bool:
        """Whether no node but our own was ever there, so that no trial need name it."""
        return self._is_ours and len(self._known) == 1

    @property
    def can_run(self) -> bool:
        """Whether there is a node that runs trials."""
        return bool(self.usable)

    @property
    def may_come(self) -> bool:
        """Whether a node runs trials, or is being examined."""
        return bool(self._admitted or self._asked)

    def is_leaving(self, node_id: str) -> bool:
        """Whether a node was announced to leave, as by a preemption; `look_who_leaves` looks anew."""
        return node_id in self._leaving

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
        self.look_who_leaves()
        present = nodes()
        alive = {node.node_id for node in present}
        self._admitted = {name: node for name, node in self._admitted.items() if name in alive}
        self._silent = {name: node for name, node in self._silent.items() if name in alive}
        for name, node in list(self._silent.items())[:1]:  # one at a time: each may keep us waiting for seconds
            del self._silent[name]
            (self._admitted if answers(node) else self._silent)[name] = node
        self.begin_to_examine(node for node in present if node.node_id not in self._leaving)
        return self.collect()

    def look(self) -> tuple[int, list[str]]:
        """As `update`, and how many nodes can run trials."""
        faults = self.update()
        return len(self._admitted), faults

    def look_who_leaves(self) -> None:
        """Ask Ray which nodes were announced to leave: they get no further trials."""
        self._leaving = leaving()

    def has_lost(self, node_id: str, is_over: Callable[[], bool] = lambda: False) -> bool:
        """Whether the node of a worker that has died is lost or about to leave; if so, it gets no further trials.

        is_over: as in `is_lost`.
        """
        if node_id in self._silent:
            return True
        if not is_lost(node_id, self._lives, is_over):
            return False
        if node_id in self._admitted and not self.is_leaving(node_id):
            self._silent[node_id] = self._admitted.pop(node_id)
        return True

    def name_of(self, node_id: str) -> str:
        """The host name of a node that runs trials, or did; otherwise its id."""
        node = self._admitted.get(node_id) or self._silent.get(node_id)
        return node.name if node is not None else node_id[:8]

    def begin(self, shares: Shares | None = None) -> None:
        """Forget what trials have asked for: none of them runs any more. shares: what those that begin now take."""
        self._requests = []
        self._shares = shares

    @property
    def are_replaced(self) -> bool:
        """Whether a trial waits for nodes that are all lost, while others could run it."""
        here = {node.node_id for node in self.usable}
        waiting = [request.nodes for request in self._requests if request.trial.status == RayTrial.PENDING]
        return bool(here) and any(not wanted & here for wanted in waiting)

    def request(self, trial: RayTrial) -> tune.PlacementGroupFactory:
        """What the next trial asks for, and on which nodes: those with a GPU first."""
        self._requests = self._unfinished()
        usable = self.usable
        with_gpu = [node for node in usable if "GPU" in demand(node, self._config)]
        others = [node for node in usable if node not in with_gpu]
        on_gpu = sum(request.gpus for request in self._requests)
        room = sum(slots_on(node, self._config, self._share) for node in with_gpu) * self._share
        wants_gpu = bool(with_gpu) and (not others or on_gpu < room - 1e-9)
        chosen = with_gpu if wants_gpu else others
        if not chosen:  # all are lost: the trial waits, and is asked for anew once others are there
            self._requests.append(_Request(trial, 0.0, frozenset()))
            return tune.PlacementGroupFactory([{"CPU": float(self._config.cpus_per_trial)}], **_on(["none"]))
        self._like, names = chosen[0], [node.node_id for node in chosen]
        share = self._share if self._shares is None else self._shares.of(trial.trial_id)
        wanted = demand(chosen[0], self._config, share)
        self._requests.append(_Request(trial, wanted.get("GPU", 0.0), frozenset(names)))
        return tune.PlacementGroupFactory([wanted], **({} if self._is_alone else _on(names)))

    def _unfinished(self) -> list[_Request]:
        return [each for each in self._requests if not each.trial.is_finished()]  # type: ignore[no-untyped-call]


class _Request(NamedTuple):
    trial: RayTrial
    gpus: float
    nodes: frozenset[str]


def _on(node_ids: Iterable[str]) -> dict[str, Any]:
    return {"bundle_label_selector": [{NODE_ID: f"in({','.join(node_ids)})"}]}


def _fault_in(answer: Any) -> str:
    try:
        return str(ray.get(answer))
    except Exception as error:  # above all a module that is not there
        return in_one_line(str(error)) or type(error).__name__


def _fits_nowhere(config: SearchConfig, present: Sequence[Node]) -> str:
    needs = amounts({"CPU": config.cpus_per_trial, "GPU": config.gpus_per_trial or 0})
    return f"a trial needs {needs}, but {', '.join(map(str, present)) or 'the cluster has no node'}"
