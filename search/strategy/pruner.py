"""`FreezeThawPruner` and `PromotionPruner`: strategies as Optuna pruners, which stop trials at rungs to pause them."""

from __future__ import annotations

from optuna.pruners import BasePruner
from optuna.study import Study
from optuna.trial import FrozenTrial

from xoresnet.search.pruning.reports import steps_of
from xoresnet.search.strategy.freeze_thaw import FreezeThaw
from xoresnet.search.strategy.progress import rungs_of
from xoresnet.search.strategy.promotion import Promotion
from xoresnet.search.strategy.sampler import PausingSampler

__all__ = ["FreezeThawPruner", "PausingPruner", "PromotionPruner"]


class PausingPruner(BasePruner):
    """Stops a trial that has reached a rung, unless the study's sampler would resume it at once.

    A trial that is stopped should be paused (`pause`), not told PRUNED: the sampler may resume it. With a sampler that
    resumes nothing, every trial stops at its first rung.
    """

    def __init__(self, *, max_steps: int, factor: int) -> None:
        """max_steps: of a full training. factor: the ratio between successive rungs."""
        self._rungs = rungs_of(max_steps, factor)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        steps = steps_of(trial.user_attrs)
        before = steps[-2] if len(steps) > 1 else 0
        if not steps or steps[-1] >= self._rungs[-1] or not any(before < rung <= steps[-1] for rung in self._rungs):
            return False
        if not isinstance(study.sampler, PausingSampler):
            return True
        if study.sampler.rungs != self._rungs:
            raise ValueError(f"the pruner has the rungs {self._rungs}, but the study's sampler {study.sampler.rungs}")
        return study.sampler.stops(study, trial.number)


class FreezeThawPruner(PausingPruner):
    """The pruner beside `FreezeThawSampler`: rungs at 1, 3, 9, 27, ... steps."""

    def __init__(self, *, max_steps: int) -> None:
        super().__init__(max_steps=max_steps, factor=FreezeThaw.factor)


class PromotionPruner(PausingPruner):
    """The pruner beside `PromotionSampler`: rungs at 1, 2, 4, 8, ... steps."""

    def __init__(self, *, max_steps: int) -> None:
        super().__init__(max_steps=max_steps, factor=Promotion.factor)
