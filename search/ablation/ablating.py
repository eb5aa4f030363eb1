"""`ablate`: one field of a network is changed at a time, and each network is trained on the same seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.data.load import find_loader
from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import UsageError
from xoresnet.search.ablation.folder import OneNetwork, write_config
from xoresnet.search.ablation.planning import OPENS_TEST, AblatePlan, plan_ablate
from xoresnet.search.ablation.study import note_compared, take_over
from xoresnet.search.ablation.table import ablations_frame
from xoresnet.search.execution.cluster.wait_for_nodes import WaitForNodes
from xoresnet.search.execution.execute import Outcome
from xoresnet.search.prepare import Progress
from xoresnet.search.retraining.retraining import Retraining, retrain

__all__ = ["AblateRun", "ablate", "ablate_network"]


class AblateRun(Retraining[AblatePlan]):
    """An ablation with its folder and its study, ready to run."""

    opens_test = OPENS_TEST
    done = "all networks are trained"

    def note_plan(self) -> None:
        note_compared(self.study, [part for base in self.plan.bases for part in base.compared()])
        take_over(self.study, self.plan.confirmed())

    def frame(self) -> pd.DataFrame:
        return ablations_frame(self.study)

    def kept(self) -> set[int]:
        """No weights: what counts is the table."""
        return set()


def ablate(
    run: str | Path,
    *,
    arch: Arch | None = None,
    data: DataSpec | str = "digits",
    recipe: Recipe | None = None,
    fields: Sequence[str] | None = None,
    values: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 5,
    epochs: int | None = None,
    wanted: Sequence[str] = (),
    with_front: bool = False,
    limits: Mapping[str, Any] | None = None,
    on_begin: Callable[[AblateRun], None] | None = None,
    on_step: Callable[[AblateRun], None] | None = None,
    on_stuck: Callable[[Outcome], None] | None = None,
    progress: Progress | None = None,
    wait: WaitForNodes | None = None,
    on_wait: Callable[[str], None] = lambda sentence: None,
) -> Outcome:
    """Train a network, and others that differ from it in one field, on the same seeds; continues after interruptions.

    run: the folder of a search, or its URL; with `arch`, the folder that the ablation writes to. arch, data, recipe: a
    network of your own with its data set and recipe, by default the data set's. fields: what is changed, by default
    `merge` and `xor`; names of `Arch` and `neuron.kind`, `neuron.tau` and so on. values: by field, in place of those
    that the space of the search allows, or, for a network of your own, of all known ones. seeds: how many, starting at
    the seed of the search, or of the recipe, plus one. epochs: None for those of the recipe. wanted: networks of the
    search in place of its knee, as in `confirm`. with_front: its whole front. limits: as in `confirm`. on_begin,
    on_step, on_stuck, progress, wait and on_wait are as in `run_search`.
    The results are in `load(run).ablations` or `load_ablation(run)`; `paired_effects` compares them.
    Raises `RunError`, `UsageError`, `DataError` where there is no test set, `ClusterError`.
    """
    for name, given, kind in (("arch", arch, Arch), ("recipe", recipe, Recipe)):
        if given is not None and not isinstance(given, kind):
            raise TypeError(f"{name} must be of type {kind.__name__}, got {type(given).__name__}")
    network = None
    if arch is not None:
        spec = DataSpec(name=data) if isinstance(data, str) else data
        network = OneNetwork(arch, spec, recipe or find_loader(spec.name).recipe)
    elif recipe is not None or data != "digits":
        raise UsageError("data and recipe are those of the search; give them only with arch")
    return ablate_network(
        run,
        network,
        {
            "fields": fields,
            "values": values,
            "seeds": seeds,
            "epochs": epochs,
            "wanted": wanted,
            "with_front": with_front,
            "limits": limits,
        },
        on_begin=on_begin,
        on_step=on_step,
        on_stuck=on_stuck,
        progress=progress,
        wait=wait,
        on_wait=on_wait,
    )


def ablate_network(
    run: str | Path,
    network: OneNetwork | None,
    chosen: Mapping[str, Any],
    *,
    on_begin: Callable[[AblateRun], None] | None = None,
    on_step: Callable[[AblateRun], None] | None = None,
    on_stuck: Callable[[Outcome], None] | None = None,
    progress: Progress | None = None,
    wait: WaitForNodes | None = None,
    on_wait: Callable[[str], None] = lambda sentence: None,
) -> Outcome:
    """The same; chosen: the further arguments of `plan_ablate`."""

    def make(plan: AblatePlan) -> AblateRun:
        if plan.alone is not None:
            write_config(plan.folder, plan.alone)
        return AblateRun(plan, wait)

    return retrain(
        run,
        lambda folder: plan_ablate(folder, network, **chosen, progress=progress),
        make,
        on_begin=on_begin,
        on_step=on_step,
        on_stuck=on_stuck,
        wait=wait,
        on_wait=on_wait,
    )
