"""The search: which networks to try next, where to run them, and when to stop.

Names are imported when they are first used, so that describing a search needs neither Ray, Optuna nor torch.
"""

from typing import TYPE_CHECKING

from xoresnet.lazy import lazily

if TYPE_CHECKING:
    from xoresnet.search.ablation.ablating import ablate as ablate
    from xoresnet.search.config import SearchConfig as SearchConfig
    from xoresnet.search.confirmation.confirming import confirm as confirm
    from xoresnet.search.execution.bridge import TrialBridge as TrialBridge
    from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes as WaitForNodes
    from xoresnet.search.execution.execute import Outcome as Outcome
    from xoresnet.search.execution.ray_plugin import BridgeScheduler as BridgeScheduler
    from xoresnet.search.execution.ray_plugin import BridgeSearcher as BridgeSearcher
    from xoresnet.search.execution.ray_plugin import Watchdog as Watchdog
    from xoresnet.search.execution.ray_plugin import run_trials as run_trials
    from xoresnet.search.execution.ray_plugin import tune_config as tune_config
    from xoresnet.search.objective import Objective as Objective
    from xoresnet.search.pruning.metric_pruner import MetricPruner as MetricPruner
    from xoresnet.search.pruning.pareto_pruner import ParetoPruner as ParetoPruner
    from xoresnet.search.pruning.reports import report as report
    from xoresnet.search.pruning.reports import reports as reports
    from xoresnet.search.pruning.reports import should_prune as should_prune
    from xoresnet.search.run import run_search as run_search
    from xoresnet.search.simulation.simulate import simulate as simulate
    from xoresnet.search.strategy.dead import Chance as Chance
    from xoresnet.search.strategy.lifecycle import ask as ask
    from xoresnet.search.strategy.lifecycle import finish as finish
    from xoresnet.search.strategy.lifecycle import last_step as last_step
    from xoresnet.search.strategy.lifecycle import pause as pause
    from xoresnet.search.strategy.lifecycle import recover as recover
    from xoresnet.search.strategy.pruner import FreezeThawPruner as FreezeThawPruner
    from xoresnet.search.strategy.pruner import PromotionPruner as PromotionPruner
    from xoresnet.search.strategy.sampler import FreezeThawSampler as FreezeThawSampler
    from xoresnet.search.strategy.sampler import PromotionSampler as PromotionSampler
    from xoresnet.search.study.front import front as front

_HOMES = {
    "BridgeScheduler": "execution.ray_plugin",
    "BridgeSearcher": "execution.ray_plugin",
    "Chance": "strategy.dead",
    "FreezeThawPruner": "strategy.pruner",
    "FreezeThawSampler": "strategy.sampler",
    "MetricPruner": "pruning.metric_pruner",
    "Objective": "objective",
    "Outcome": "execution.execute",
    "ParetoPruner": "pruning.pareto_pruner",
    "PromotionPruner": "strategy.pruner",
    "PromotionSampler": "strategy.sampler",
    "SearchConfig": "config",
    "TrialBridge": "execution.bridge",
    "WaitForNodes": "execution.cluster.wait_for_nodes",
    "Watchdog": "execution.ray_plugin",
    "ablate": "ablation.ablating",
    "ask": "strategy.lifecycle",
    "confirm": "confirmation.confirming",
    "finish": "strategy.lifecycle",
    "front": "study.front",
    "last_step": "strategy.lifecycle",
    "pause": "strategy.lifecycle",
    "recover": "strategy.lifecycle",
    "report": "pruning.reports",
    "reports": "pruning.reports",
    "run_search": "run",
    "run_trials": "execution.ray_plugin",
    "should_prune": "pruning.reports",
    "simulate": "simulation.simulate",
    "tune_config": "execution.ray_plugin",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = lazily(__name__, _HOMES)
