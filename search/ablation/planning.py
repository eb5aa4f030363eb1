"""`plan_ablate`: which networks an ablation compares, and what it trains for that; nothing is written here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.description.arch import Arch
from xoresnet.errors import RunError, UsageError
from xoresnet.search.ablation.changes import Change, changes, tied
from xoresnet.search.ablation.fields import field_name
from xoresnet.search.ablation.folder import OneNetwork, check_folder
from xoresnet.search.ablation.study import ABLATION, Compared
from xoresnet.search.config import SearchConfig
from xoresnet.search.confirmation.study import CONFIRMATION
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.loggers import check_loggers
from xoresnet.search.prepare import Progress, full_recipe
from xoresnet.search.retraining.candidates import Candidate, candidates
from xoresnet.search.retraining.planning import (
    RetrainingPlan,
    check_limits,
    current_tables,
    data_with_test_set,
    job_attributes,
    new_seeds,
    on_seeds,
    read_searched,
    with_limits,
)
from xoresnet.search.study.same_data import check_same_data
from xoresnet.search.study.trials import TrainingKey, TrialRecord, training_key, trials_of
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.search_space import SearchSpace
from xoresnet.space.space_fields import SpaceFields
from xoresnet.training.learning import check_fits, check_recipe

__all__ = ["FIELDS_BY_DEFAULT", "OPENS_TEST", "AblatePlan", "Base", "plan_ablate"]

FIELDS_BY_DEFAULT = ("merge", "xor")
OPENS_TEST = "ablate"
"""In whose name the test set is opened."""


class Base(NamedTuple):
    """An unchanged network, and its changes."""

    network: Candidate
    """With the recipe of all trainings, seeds aside."""
    changes: list[Change]

    @property
    def label(self) -> str:
        """What the network is called: `#17`, `xoresnet14`, or its id."""
        number, source = self.network.trial_id, self.network.source
        return f"#{number}" if number is not None else source or self.network.arch.arch_id

    @property
    def others(self) -> list[tuple[Change, Candidate]]:
        """The changed networks."""
        return [
            (change, Candidate(None, f"{self.label} {change.field}={change.value}", change.arch, self.network.recipe))
            for change in self.changes
            if change.arch is not None
        ]

    def compared(self) -> list[Compared]:
        """The unchanged network and the changed ones, as the study records them."""
        trial_id, source, arch, recipe = self.network
        about = (trial_id, source, arch.arch_id)
        seedless = recipe.replace(seed=0).model_dump_json()
        own = Compared(*about, None, None, None, arch.arch_id, seedless)
        return [own] + [
            Compared(*about, change.field, change.value, change.reference, other.arch.arch_id, seedless)
            for change, other in self.others
        ]


@dataclass(frozen=True)
class AblatePlan(RetrainingPlan):
    """What an ablation will train; nothing is written yet."""

    side = ABLATION

    bases: tuple[Base, ...]
    """The unchanged networks."""
    alone: OneNetwork | None = None
    """What the folder is for, if it holds no search."""

    def left(self, study: Study | None = None) -> list[Candidate]:
        """The same without what the confirmation of the search has trained, unless the study of this one is given."""
        jobs = super().left(study)
        if study is not None:
            return jobs
        confirmed = {trial.training_key for trial in self.confirmed()}
        return [job for job in jobs if training_key(job_attributes(job)) not in confirmed]

    def confirmed(self) -> list[TrialRecord]:
        """The complete trainings of the confirmation that are among these jobs; none if it cannot be read."""
        wanted: set[TrainingKey] = {training_key(job_attributes(job)) for job in self.jobs}
        study = None
        with suppress(RunError):  # a damaged journal is the matter of the next `confirm`
            study = CONFIRMATION.look(self.folder.path)
        complete = trials_of(study, TrialState.COMPLETE) if study is not None else []
        return [trial for trial in complete if trial.has_network and trial.training_key in wanted]


def plan_ablate(
    run: str | Path,
    network: OneNetwork | None = None,
    *,
    fields: Sequence[str] | None = None,
    values: Mapping[str, Sequence[Any]] | None = None,
    seeds: int = 5,
    epochs: int | None = None,
    wanted: Sequence[str] = (),
    with_front: bool = False,
    limits: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> AblatePlan:
    """Find and check everything that an ablation needs; nothing is written.

    The arguments are those of `ablate`. Raises `RunError`, `UsageError` (with `SpecError`), `DataError`.
    """
    new_seeds(0, seeds)
    chosen, given = _fields(fields, values or {})
    if network is not None and (wanted or with_front):
        raise UsageError("a pick or the front is of a search; leave it out with a network of your own")
    if wanted and with_front:
        raise UsageError("a pick and the front exclude each other; give one of them")
    if network is not None:
        check_limits(limits or {}, "ablate")
        return _plan_alone(run, network, chosen, given, seeds, epochs, limits or {}, progress)
    folder, config, study = read_searched(run, limits or {}, "ablate")
    space = config.search_space
    found = candidates(
        current_tables(folder, config, study),
        study,
        () if with_front else wanted or ("knee",),
        known=baselines(space),
        with_baselines=False,
        recipe=full_recipe(config, space),
        epochs=epochs,
        by_search=True,  # the same command means the same networks whatever was confirmed in between
    )
    bases = _bases(found, chosen, given, space)
    data = data_with_test_set(config, progress, OPENS_TEST)
    check_same_data(study, data)
    networks = _networks(bases)
    return AblatePlan(
        folder, config, on_seeds(networks, new_seeds(config.seed, seeds)), len(networks), data, tuple(bases)
    )


def _plan_alone(
    run: str | Path,
    network: OneNetwork,
    fields: Sequence[str],
    values: Mapping[str, Sequence[Any]],
    seeds: int,
    epochs: int | None,
    limits: Mapping[str, Any],
    progress: Progress | None,
) -> AblatePlan:
    if epochs is not None:
        network = OneNetwork(network.arch, network.data, network.recipe.replace(epochs=epochs), network.name)
    folder = RunFolder(Path(run))
    check_folder(folder, network)
    base = Candidate(None, network.name, network.arch, network.recipe)
    bases = _bases([base], fields, values, None)
    networks = _networks(bases)
    config = SearchConfig(space=_space(networks), data=network.data, seed=network.recipe.seed)
    config = with_limits(config, limits)
    check_loggers(config.loggers)
    data = data_with_test_set(config, progress, OPENS_TEST)
    check_fits(network.arch, data)
    check_recipe(network.recipe, data)
    jobs = on_seeds(networks, new_seeds(network.recipe.seed, seeds))
    return AblatePlan(folder, config, jobs, len(networks), data, tuple(bases), network)


def _fields(
    fields: Sequence[str] | None, values: Mapping[str, Sequence[Any]]
) -> tuple[list[str], dict[str, Sequence[Any]]]:
    """The fields to change, and the values that are given for some of them, by full name. Raises `UsageError`."""
    given: dict[str, Sequence[Any]] = {}
    written: dict[str, str] = {}
    """The fields as they were named, by full name."""
    for name, options in values.items():
        full = field_name(name)
        if full in given:
            raise UsageError(f"values: {written[full]} and {name} are the same field; join its values by commas")
        given[full], written[full] = options, name
    for name, options in given.items():
        if not options:
            raise UsageError(f"values: none are given for {name}")
    if fields is None:
        return list(given or FIELDS_BY_DEFAULT), given
    chosen = list(dict.fromkeys(field_name(name) for name in fields))
    if not chosen:
        raise UsageError(f"fields: none are given; write for example {','.join(FIELDS_BY_DEFAULT)}")
    for name in given:
        if name not in chosen:
            raise UsageError(f"values: {name} is not one of the fields {', '.join(chosen)}")
    return chosen, given


def _bases(
    networks: Iterable[Candidate],
    fields: Sequence[str],
    values: Mapping[str, Sequence[Any]],
    space: SpaceFields | None,
) -> list[Base]:
    """The networks with their changes. Raises `UsageError` if there is nothing to compare."""
    named = [network._replace(arch=tied(network.arch, space)) for network in networks]
    bases = [Base(network, changes(network.arch, fields, values, space)) for network in named]
    _refuse_impossible(bases, values)
    if not any(base.others for base in bases):
        reasons = [f"{change.field}={change.value}: {change.reason}" for base in bases for change in base.changes]
        why = f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
        raise UsageError(f"no value of {', '.join(fields)} gives another network{why}")
    return bases


def _refuse_impossible(bases: Sequence[Base], values: Mapping[str, Sequence[Any]]) -> None:
    """Raises `UsageError` for a value that was given and that no network can have: most likely a misspelt one."""
    possible = {(change.field, change.value) for base in bases for change in base.changes if not change.is_impossible}
    for change in (change for base in bases for change in base.changes):
        if change.field in values and (change.field, change.value) not in possible:
            raise UsageError(f"values: {change.field}={change.value} is {change.reason}")


def _networks(bases: Iterable[Base]) -> list[Candidate]:
    """All networks, the unchanged ones first; no duplicates."""
    networks = [base.network for base in bases] + [other for base in bases for _, other in base.others]
    distinct: dict[TrainingKey, Candidate] = {}
    for network in networks:
        distinct.setdefault((network.arch.arch_id, network.recipe.replace(seed=0)), network)
    return list(distinct.values())


def _space(networks: Sequence[Candidate]) -> dict[str, Any]:
    """A space that has these networks, by which it is measured how many share a GPU."""
    archs: list[Arch] = [network.arch for network in networks]

    def options(name: str) -> list[Any]:
        return list(dict.fromkeys(getattr(arch, name) for arch in archs))

    depths = {block: sorted({a.depth for a in archs if a.block == block}) for block in options("block")}
    stages = {
        "merge": [name for arch in archs for name in arch.stage_merges],
        "xor": [name for arch in archs for name in arch.stage_xors],
    }
    fields = {
        "input_shape": list(archs[0].input_shape),
        "num_classes": archs[0].num_classes,
        "depth": depths,
        **{name: list(dict.fromkeys(names)) for name, names in stages.items()},
        **{name: options(name) for name in ("stem", "block", "width", "timesteps", "logic_gradient")},
    }
    return SearchSpace.from_dict({"arch": fields}).to_dict()
