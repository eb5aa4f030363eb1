"""`confirm`: networks of a search are trained again on several seeds, and then measured on the test set once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.search.confirmation.study import CONFIRMATION, best_seeds, note_searched
from xoresnet.search.confirmation.table import confirmed_frame
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.prepare import Progress, full_recipe
from xoresnet.search.retraining.candidates import candidates
from xoresnet.search.retraining.planning import (
    RetrainingPlan,
    current_tables,
    data_with_test_set,
    job_attributes,
    new_seeds,
    on_seeds,
    read_searched,
)
from xoresnet.search.retraining.retraining import Retraining, retrain
from xoresnet.search.study.same_data import check_same_data
from xoresnet.space.baseline_networks import baselines

__all__ = ["ConfirmPlan", "ConfirmRun", "confirm", "plan_confirm"]


@dataclass(frozen=True)
class ConfirmPlan(RetrainingPlan):
    """What a confirmation will train; nothing is written yet."""

    side = CONFIRMATION


def plan_confirm(
    run: str | Path,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    wanted: Sequence[str] = (),
    with_baselines: bool = False,
    limits: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> ConfirmPlan:
    """Find and check everything that a confirmation needs; nothing is written.

    The arguments are those of `confirm`. Raises `RunError`, `UsageError` (with `SpecError`), `DataError`.
    """
    if seeds is not None:
        new_seeds(0, seeds)
    folder, config, study = read_searched(run, limits or {}, "confirm")
    number = config.confirm_seeds if seeds is None else seeds
    data = data_with_test_set(config, progress, ConfirmRun.opens_test)
    check_same_data(study, data)
    space = config.search_space
    chosen = candidates(
        current_tables(folder, config, study),
        study,
        wanted,
        known=baselines(space),
        with_baselines=with_baselines,
        recipe=full_recipe(config, space),
        epochs=epochs,
        by_search=True,  # the same command must mean the same networks, whatever it has confirmed so far
    )
    return ConfirmPlan(folder, config, on_seeds(chosen, new_seeds(config.seed, number)), len(chosen), data)


class ConfirmRun(Retraining[ConfirmPlan]):
    """A confirmation with its folder and its study, ready to run."""

    opens_test = "confirm"
    done = "all networks are confirmed"

    def note_plan(self) -> None:
        note_searched(self.study, [(job_attributes(job), job.trial_id) for job in self.plan.jobs])

    def frame(self) -> pd.DataFrame:
        return confirmed_frame(self.study, self.path)

    def kept(self) -> set[int]:
        """The best seed of each network."""
        return {trial.number for trial in best_seeds(self.study)}


def confirm(
    run: str | Path,
    *,
    seeds: int | None = None,
    epochs: int | None = None,
    wanted: Sequence[str] = (),
    with_baselines: bool = False,
    limits: Mapping[str, Any] | None = None,
    on_begin: Callable[[ConfirmRun], None] | None = None,
    on_step: Callable[[ConfirmRun], None] | None = None,
    on_stuck: Callable[[Outcome], None] | None = None,
    progress: Progress | None = None,
    wait: WaitForNodes | None = None,
    on_wait: Callable[[str], None] = lambda sentence: None,
) -> Outcome:
    """Train networks of a search again on new seeds and measure them on the test set; continues after interruptions.

    run: the folder of the search, or its URL. seeds: how many, starting at the search's seed plus one; None for the
    search's `confirm_seeds`. epochs: None for those of each network's recipe in the search. wanted: networks in place
    of the front's: ids of trials or networks, names of baselines, `knee` and other words of `pick`. with_baselines: add
    the known networks of the space. limits: fields of the search's configuration to change, of those in
    `CONFIRM_LIMITS`. on_begin, on_step, on_stuck, progress,
    wait and on_wait are as in `run_search`.
    The results are in `load(run).confirmed`.
    Raises `RunError`, `UsageError`, `DataError` where there is no test set, `ClusterError`.
    """

    def plan(folder: str | Path) -> ConfirmPlan:
        return plan_confirm(
            folder,
            seeds=seeds,
            epochs=epochs,
            wanted=wanted,
            with_baselines=with_baselines,
            limits=limits,
            progress=progress,
        )

    return retrain(
        run,
        plan,
        lambda plan: ConfirmRun(plan, wait),
        on_begin=on_begin,
        on_step=on_step,
        on_stuck=on_stuck,
        wait=wait,
        on_wait=on_wait,
    )
