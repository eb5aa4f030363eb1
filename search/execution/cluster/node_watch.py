"""`NodeWatch`: nodes that join and leave while trials run, and what becomes of the trials on them."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as RayTrial

from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster.more_nodes import MoreNodes
from xoresnet.search.execution.cluster.nodes import node_of_actor
from xoresnet.search.execution.cluster.places import Places
from xoresnet.search.execution.failures import is_worker_death, names_lost_node
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.ray_plugin import Unsaved, guarded

__all__ = ["NodeWatch", "NodesReplacedError"]

_LOOK_SECONDS = 5.0
_LEAVING_SECONDS = 1.0
"""Some machines are announced to leave only half a minute before they do."""
_ALONE_SECONDS = 600.0
"""How long a search waits for a node once all are lost: autoscalers take minutes to start a machine."""


class NodesReplacedError(Exception):
    """Trials wait for nodes that are lost, and others could run them: the trials have to be asked for anew."""


class NodeWatch(Unsaved, tune.Callback):
    """Lets go of nodes that are lost while trials run, and examines those that join, which then run later trials.

    Trials on nodes that were announced to leave go on elsewhere after their next report; those whose node is lost, from
    their last checkpoint. Neither costs a retry.
    """

    def __init__(self, bridge: TrialBridge, places: Places, lifeline: Lifeline, more: MoreNodes) -> None:
        self.bridge, self._places, self._lifeline, self._more = bridge, places, lifeline, more
        self._where: dict[str, str] = {}
        """The node of each running trial."""
        self._left: Counter[str] = Counter()
        """How many trials each node that has left gave back, by its name."""
        self._looked = self._looked_who_leaves = self._had_nodes = time.monotonic()

    @guarded(otherwise=None)
    def on_trial_start(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        if trial.temporary_state.ray_actor is not None:
            self._where[trial.trial_id] = node_of_actor(trial.temporary_state.ray_actor)
            self._mark_who_leaves(trial.trial_id)  # a worker that Ray has kept from an earlier trial may be anywhere

    def on_trial_complete(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        self._where.pop(trial.trial_id, None)

    def on_trial_error(self, iteration: int, trials: list[RayTrial], trial: RayTrial, **info: Any) -> None:
        self._where.pop(trial.trial_id, None)

    def on_step_end(self, iteration: int, trials: list[RayTrial], **info: Any) -> None:
        """Raises `NodesReplacedError`, which ends Ray's experiment."""
        now = time.monotonic()
        if now - self._looked_who_leaves >= _LEAVING_SECONDS:
            self._look_who_leaves()
        if now - self._looked >= _LOOK_SECONDS:
            self._look()
            if self._places.are_replaced:
                raise NodesReplacedError

    @guarded(otherwise=None)
    def on_experiment_end(self, trials: list[RayTrial], **info: Any) -> None:
        self._more.end()

    def loss_of(self, trial: RayTrial, error_text: str) -> str:
        """What took its node from a trial whose worker has died; empty if it died, or failed, by itself.

        error_text: what Ray wrote of it.
        """
        live = self.bridge.live.get(trial.trial_id)
        if live is None or live.failure or not is_worker_death(error_text):
            return ""
        node_id = self._where.get(trial.trial_id, "")
        if not names_lost_node(error_text) and not (node_id and self._places.has_lost(node_id, self._is_over)):
            return ""
        return live.leaves or self._note(node_id, "was lost")  # noted already where it was announced

    @guarded(otherwise=None)
    def _look_who_leaves(self) -> None:
        self._looked_who_leaves = time.monotonic()
        self._places.look_who_leaves()
        for run_id in self.bridge.live:
            self._mark_who_leaves(run_id)

    @guarded(otherwise=None)
    def _look(self) -> None:
        self._looked = time.monotonic()
        self.bridge.errors += self._places.update()
        self._more.ask(self.bridge)
        if self._places.may_come:
            self._had_nodes = self._looked
        elif self._looked - self._had_nodes > _ALONE_SECONDS:
            self._lifeline.lose(f"no node that can run trials has come within {_ALONE_SECONDS / 60:g} min")
        else:
            self.bridge.say(
                f"no node that can run trials is left in the cluster; waiting up to {_ALONE_SECONDS / 60:g} min for one"
            )

    def _mark_who_leaves(self, run_id: str) -> None:
        """Let a trial go on elsewhere after its next report, if its node is about to leave and there is another."""
        live, node_id = self.bridge.live.get(run_id), self._where.get(run_id, "")
        if live is not None and not live.leaves and self._places.is_leaving(node_id) and self._places.can_run:
            live.leaves = self._note(node_id, "is about to leave")

    def _note(self, node_id: str, what: str) -> str:
        """The sentence for the record of a trial; the user gets one for each node, which counts its trials."""
        name = self._places.name_of(node_id)
        before = _sentence(name, self._left[name])
        self._left[name] += 1
        self.bridge.notices[:] = [notice for notice in self.bridge.notices if notice != before]
        self.bridge.say(_sentence(name, self._left[name]))
        return f"its node {name} {what}"

    def _is_over(self) -> bool:
        return bool(self._lifeline.lost or self._lifeline.signal)


def _sentence(name: str, trials: int) -> str:
    went = "1 trial goes" if trials == 1 else f"{trials} trials go"
    return f"{name} leaves the cluster: {went} on elsewhere, which costs no retry"
