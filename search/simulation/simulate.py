"""`simulate`: a search on a table of learning curves, in virtual time."""

from __future__ import annotations

import heapq
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import optuna
import pandas as pd
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler
from optuna.study import Study

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.plain_text import shown
from xoresnet.search.execution.bridge import TrialBridge, Verdict
from xoresnet.search.objective import DEFAULT_OBJECTIVES, Objective, objectives_of
from xoresnet.search.pruning.reports import SECONDS
from xoresnet.search.registry import STRATEGIES, PrunerSpec, asks_sampler, make_pruner, make_sampler, make_strategy
from xoresnet.search.simulation.table import CurveTable, TableProposals
from xoresnet.search.strategy.freeze_thaw import COSTS, Cost
from xoresnet.search.strategy.sampler import FreezeThawSampler
from xoresnet.search.study.trials import TrialRecord

__all__ = ["simulate"]

_COLUMNS = ("network", "from_epoch", "to_epoch", "began", "ended", "state")


@dataclass
class _Stretch:
    """What one network trains without a pause."""

    row: int
    trial: int
    begun_at: int
    epoch: int
    began: float
    ended: float


def simulate(
    table: pd.DataFrame,
    *,
    strategy: str = "freeze-thaw",
    budget: float = 40,
    seed: int = 0,
    workers: int = 1,
    objectives: Sequence[Objective | str] = tuple(DEFAULT_OBJECTIVES),
    sampler: str | BaseSampler | None = None,
    pruner: str | Mapping[str, Any] | BasePruner | None = None,
    chance: float | None = None,
    cost: Cost = "seconds",
    predictions: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Search the networks of a table as `xoresnet search` would; epochs are read from it instead of being trained.

    table: one row for each network and epoch, with the columns `network` (any label), `epoch` (from 1), the parameters
    `config.<name>` (numbers or texts), the metrics of the objectives, and optionally `seconds`, how long the epoch
    takes. strategy: `freeze-thaw`, `promotion` or `classic`; only the last one has a sampler and a pruner, which are
    names as in a configuration or objects of Optuna's, by default `tpe` and `pareto`. objectives: as `Objective`, or as
    `val_accuracy:max`. budget: in full trainings. workers: how many networks train at
    once. chance: the accuracy of guessing, on the scale of the table; None for the lowest that was seen. cost: of
    `freeze-thaw`, as in a configuration; `seconds` needs the column. predictions:
    what was predicted for networks before any was trained, the columns `network` and the metrics; for `freeze-thaw`.

    Returns what was trained, one row for each stretch without a pause, in the order in which they began: `network`,
    `from_epoch` (epochs that were trained before), `to_epoch`, `began` and `ended` (in seconds of the table, or in
    epochs where it has none) and `state`, that of the network at the end of the stretch: COMPLETE, PAUSED, or PRUNED.
    Equal arguments lead to equal frames.

    Raises `UsageError` for a table that is not as described, and for options out of range.
    """
    wanted = objectives_of(objectives)
    curves = CurveTable(table, wanted)
    _check_options(strategy, budget, workers, sampler, pruner, cost)
    if predictions is not None and strategy != "freeze-thaw":
        raise UsageError(f"predictions: has no effect with strategy={strategy}; leave it out")
    study = _made_study(wanted)
    asks = True
    if strategy == "classic":
        sampler = "tpe" if sampler is None else sampler
        asks = not isinstance(sampler, str) or asks_sampler(sampler)
        study.sampler = make_sampler(sampler, seed) if isinstance(sampler, str) else sampler
        study.pruner = _made_pruner("pareto" if pruner is None else pruner, curves.epochs, wanted)
    else:
        curves.check_chance(chance, wanted)
        study.sampler, study.pruner = make_strategy(
            strategy,
            wanted,
            epochs=curves.epochs,
            budget=budget,
            seed=seed,
            candidates=curves,
            chance=chance,
            cost=cost,
        )
        if isinstance(study.sampler, FreezeThawSampler) and predictions is not None:
            study.sampler.predict(curves.by_params(predictions, wanted))
    source = TableProposals(study, curves, seed=seed, ask_sampler=asks)
    bridge = TrialBridge(study, source, wanted, budget=budget, max_step=curves.epochs, retries=0)
    stretches = _run(bridge, curves, [objective.metric for objective in wanted], workers)
    if bridge.errors:
        raise UsageError(f"the sampler or pruner failed: {bridge.errors[-1]}")
    return _frame(stretches, study, curves)


def _check_options(strategy: str, budget: float, workers: int, sampler: object, pruner: object, cost: str) -> None:
    """Raises `UsageError`."""
    if isinstance(workers, bool) or not isinstance(workers, Integral) or workers < 1:
        raise UsageError(f"workers must be a whole number of at least 1, got {workers!r}")
    if isinstance(budget, bool) or not isinstance(budget, Real) or not budget > 0:
        raise UsageError(f"budget must be a positive number, got {budget!r}")
    if strategy not in STRATEGIES:
        names = ", ".join(STRATEGIES)
        raise UsageError(f"strategy: {shown(strategy)} is not one of {names}{nearest(str(strategy), STRATEGIES)}")
    if cost not in COSTS:
        raise UsageError(f"cost: {shown(cost)} is not one of {', '.join(COSTS)}{nearest(str(cost), COSTS)}")
    if cost == "epochs" and strategy != "freeze-thaw":
        raise UsageError(f"cost: has no effect with strategy={strategy}; leave it out")
    for name, given in (("sampler", sampler), ("pruner", pruner)):
        if strategy != "classic" and given is not None:
            raise UsageError(f"{name}: has no effect with strategy={strategy}; leave it out, or use strategy='classic'")


def _made_pruner(
    given: str | Mapping[str, Any] | BasePruner, epochs: int, objectives: Sequence[Objective]
) -> BasePruner:
    if isinstance(given, BasePruner):
        return given
    if not isinstance(given, str | Mapping):
        raise UsageError(f"pruner: must be a name, options or an Optuna pruner, got {given!r}")
    spec = PrunerSpec.from_dict({"kind": given} if isinstance(given, str) else dict(given))
    return make_pruner(spec, epochs, objectives)


def _made_study(objectives: Sequence[Objective]) -> Study:
    """An empty study in memory, made without a word of Optuna's."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        study = optuna.create_study(directions=[objective.optuna_direction for objective in objectives])
    finally:
        optuna.logging.set_verbosity(level)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        study.set_metric_names([objective.metric for objective in objectives])
    return study


def _run(bridge: TrialBridge, curves: CurveTable, metrics: Sequence[str], workers: int) -> list[_Stretch]:
    """Run the trials of a bridge; a free worker takes the next one."""
    stretches: list[_Stretch] = []
    running: list[tuple[float, int]] = []
    now = 0.0
    while True:
        while len(running) < workers:
            name = str(len(stretches))
            config = bridge.next_config(name)
            if config is None:
                break
            live = bridge.live[name]
            row = int(config["row"])
            stretches.append(_Stretch(row, live.trial.number, live.epoch, live.epoch, now, now))
            heapq.heappush(running, (now + curves.seconds[row, live.epoch], len(stretches) - 1))
        if not running:
            return stretches
        now, place = heapq.heappop(running)
        stretch = stretches[place]
        stretch.ended, stretch.epoch = now, stretch.epoch + 1
        values = curves.curves[stretch.row, stretch.epoch - 1].tolist()
        report = {"epoch": stretch.epoch, **dict(zip(metrics, values, strict=True))}
        if curves.has_seconds:
            report[SECONDS[0]] = float(curves.seconds[stretch.row, stretch.epoch - 1])
        verdict = bridge.on_report(str(place), report)
        if verdict is Verdict.STOP or stretch.epoch == curves.epochs:
            bridge.on_end(str(place))
        else:
            heapq.heappush(running, (now + curves.seconds[stretch.row, stretch.epoch], place))


def _frame(stretches: Sequence[_Stretch], study: Study, curves: CurveTable) -> pd.DataFrame:
    trials = study.get_trials(deepcopy=False)
    last = {stretch.trial: place for place, stretch in enumerate(stretches)}
    rows = [
        (
            curves.labels[stretch.row],
            stretch.begun_at,
            stretch.epoch,
            stretch.began,
            stretch.ended,
            TrialRecord(trials[stretch.trial]).state_name if last[stretch.trial] == place else "PAUSED",
        )
        for place, stretch in enumerate(stretches)
    ]
    return pd.DataFrame(rows, columns=list(_COLUMNS))
