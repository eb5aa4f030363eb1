"""The trial record: what a study knows of a trial, decoded and encoded in one place.

Optuna keeps a trial's parameters, state and values; everything else that a search knows of it is in its user attributes
(`attributes.py`). `TrialRecord` reads them, the functions at the end of this file write them, and nothing else does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import RunError, SpecError
from xoresnet.search.pruning.reports import reports
from xoresnet.search.strategy.marks import charged_steps
from xoresnet.search.study.attributes import (
    ARCH,
    ARCH_ID,
    CONFIRMS,
    DEVICE,
    DIVERGED,
    DUPLICATE,
    EXCLUDED,
    FAILURE,
    GIVEN_BACK,
    GPU_SHARE,
    LAYERS,
    NODE,
    PAUSED,
    RECIPE,
    RECORD,
    RESCUES,
    RETRIED,
    SOURCE,
)

__all__ = [
    "Attributes",
    "TrainingKey",
    "TrialRecord",
    "confirmation_attributes",
    "failed_trials",
    "network_attributes",
    "own_trials",
    "repeat_attributes",
    "source_attributes",
    "training_key",
    "trials_of",
    "write_divergence",
    "write_duplicate",
    "write_excluded",
    "write_failure",
    "write_given_back",
    "write_gpu_share",
    "write_metrics",
    "write_network",
    "write_retry",
]

Attributes = Mapping[str, Any]
"""The user attributes of a trial."""
TrainingKey = tuple[str, Recipe]
"""Equal for trials that train the same network with the same recipe, seed included."""


@dataclass(frozen=True)
class TrialRecord:
    """A trial as its study has it; after a change of the trial, another record is needed."""

    trial: FrozenTrial

    @classmethod
    def of(cls, trial: FrozenTrial | Trial) -> TrialRecord:
        """The record of a trial; that of a live one is read from its study."""
        return cls(trial.storage.get_trial(trial._trial_id) if isinstance(trial, Trial) else trial)

    @property
    def number(self) -> int:
        return self.trial.number

    @property
    def state(self) -> TrialState:
        return self.trial.state

    @property
    def values(self) -> list[float]:
        """The objective values. Raises `ValueError` if the trial is not complete."""
        values: list[float] | None = self.trial.values
        if values is None:
            raise ValueError(f"trial {self.number} is {self.state.name} and has no values")
        return values

    @property
    def started(self) -> datetime | None:
        """Local time, without a zone."""
        return self.trial.datetime_start

    @property
    def ended(self) -> datetime | None:
        """Local time, without a zone."""
        return self.trial.datetime_complete

    @property
    def attributes(self) -> Attributes:
        return self.trial.user_attrs

    # the network and how it is trained

    @property
    def has_network(self) -> bool:
        """Whether the network and the recipe are written; before, `arch`, `arch_id` and `recipe` raise `KeyError`."""
        return all(name in self.attributes for name in (ARCH_ID, ARCH, RECIPE))

    @property
    def arch_id(self) -> str:
        arch_id: str = self.attributes[ARCH_ID]
        return arch_id

    @cached_property
    def arch(self) -> Arch:
        """Raises `RunError` for a network that this version does not know."""
        try:
            return Arch.from_json(self.attributes[ARCH])
        except SpecError as error:
            raise self._of_another_version("network", error) from None

    @cached_property
    def recipe(self) -> Recipe:
        """Raises `RunError` for a recipe that this version does not know."""
        try:
            return Recipe.from_dict(json.loads(self.attributes[RECIPE]))
        except (SpecError, json.JSONDecodeError) as error:
            raise self._of_another_version("recipe", error) from None

    def _of_another_version(self, what: str, error: Exception) -> RunError:
        return RunError(f"the {what} of trial {self.number} cannot be read, it may be of another version: {error}")

    @property
    def training_key(self) -> TrainingKey:
        return self.arch_id, self.recipe

    @property
    def config(self) -> dict[str, Any]:
        """The trial's own part of a trainable's configuration: its number, network and recipe, as JSON."""
        return {"number": self.number, "arch": self.attributes[ARCH], "recipe": self.attributes[RECIPE]}

    # where it comes from

    @property
    def source(self) -> str | None:
        """What proposed the trial; None for the sampler."""
        return self.attributes.get(SOURCE)

    @property
    def duplicate_of(self) -> int | None:
        """The number of the trial whose result answered this one."""
        return None if self.is_excluded else self.attributes.get(DUPLICATE)

    @property
    def rescues(self) -> int | None:
        """The number of the pruned trial that this one continues."""
        return self.attributes.get(RESCUES)

    @property
    def confirms(self) -> int | None:
        """The number of the search's trial whose network this training repeats; None if the search never tried it."""
        return self.attributes.get(CONFIRMS)

    # what became of it

    @property
    def is_waiting(self) -> bool:
        """Whether the trial is enqueued and was not handed out yet."""
        return self.state == TrialState.WAITING

    @property
    def is_running(self) -> bool:
        return self.state == TrialState.RUNNING and not self.paused_at

    @property
    def paused_at(self) -> int:
        """The step at which the trial is stopped for now; 0 if it is not."""
        return int(self.attributes.get(PAUSED, 0)) if self.state == TrialState.RUNNING else 0

    @property
    def state_name(self) -> str:
        """The state as tables show it: Optuna's, or PAUSED."""
        return "PAUSED" if self.paused_at else self.state.name

    @property
    def is_complete(self) -> bool:
        return self.state == TrialState.COMPLETE

    @property
    def is_pruned(self) -> bool:
        return self.state == TrialState.PRUNED

    @property
    def is_excluded(self) -> bool:
        """Whether the network exceeds a constraint of the space."""
        return bool(self.attributes.get(DUPLICATE) == EXCLUDED)

    @property
    def is_answered(self) -> bool:
        """Whether the sampler got its answer without a training: from an earlier trial, or by exclusion."""
        return DUPLICATE in self.attributes

    @property
    def has_own_network(self) -> bool:
        """Whether this trial trains its network itself."""
        return self.has_network and not self.is_answered

    @property
    def counts_as_finished(self) -> bool:
        """Whether the trial is complete or pruned, neither a duplicate nor one that continues another."""
        return (self.is_complete or self.is_pruned) and not self.is_answered and self.rescues is None

    @property
    def failure(self) -> str | None:
        """Why the trial failed."""
        return self.attributes.get(FAILURE)

    @property
    def may_succeed(self) -> bool:
        """Whether the trial failed for a reason that another try need not meet: anything but divergence."""
        return self.state == TrialState.FAIL and self.has_own_network and not self.attributes.get(DIVERGED)

    @property
    def retried(self) -> list[str]:
        """The reasons for which the trial was tried again."""
        return list(self.attributes.get(RETRIED, ()))

    @property
    def given_back(self) -> list[tuple[int, str]]:
        """Each time that the trial lost its node: the last step that it had reported, and what happened."""
        return [(step, reason) for step, reason in self.attributes.get(GIVEN_BACK, ())]

    @property
    def gpu_share(self) -> float:
        """The share of a GPU that the trial takes at least, as it ran out of GPU memory with less; 0 if it did not."""
        return float(self.attributes.get(GPU_SHARE, 0.0))

    # what it reported

    @cached_property
    def reports(self) -> dict[int, list[float]]:
        """The objective values of each step, in ascending order."""
        return reports(self.trial)

    @property
    def charged_steps(self) -> int:
        """The steps that the trial has cost."""
        return charged_steps(self.attributes)

    @property
    def last_step(self) -> int:
        """The last step that was reported; 0 before the first."""
        return max(self.reports, default=0)

    @cached_property
    def metrics(self) -> dict[int, dict[str, Any]]:
        """All metrics of each step, in ascending order; none of a step of which only objective values were reported."""
        return {step: self.attributes.get(f"{RECORD}{step}", {}) for step in self.reports}

    @property
    def last_metrics(self) -> dict[str, Any]:
        """All metrics of the last step; empty before the first."""
        metrics: dict[str, Any] = self.attributes.get(f"{RECORD}{self.last_step}", {})
        return metrics

    @property
    def layers(self) -> list[dict[str, Any]]:
        """The figures of each layer; empty unless the trial is complete."""
        layers: list[dict[str, Any]] = json.loads(self.last_metrics.get(LAYERS, "[]")) if self.is_complete else []
        return layers

    @property
    def device(self) -> str | None:
        """The device on which the trial last trained, as `cuda:0`."""
        return self.last_metrics.get(DEVICE)

    @property
    def node(self) -> str | None:
        """The id of the cluster's node on which the trial last ran."""
        return self.last_metrics.get(NODE)


def trials_of(study: Study, *states: TrialState) -> list[TrialRecord]:
    """All trials of a study by number, or those in the given states."""
    return [TrialRecord(trial) for trial in study.get_trials(deepcopy=False, states=states or None)]


def own_trials(study: Study, *states: TrialState) -> list[TrialRecord]:
    """The same without trials that were answered without a training."""
    return [record for record in trials_of(study, *states) if not record.is_answered]


def failed_trials(study: Study) -> list[TrialRecord]:
    """The failed trials that another try may bring to an end, one for each training that no other trial has ended."""
    last = {trial.training_key: trial for trial in trials_of(study) if trial.has_own_network}
    return [trial for trial in last.values() if trial.may_succeed]


def training_key(attributes: Attributes) -> TrainingKey:
    """The key of a training from its attributes, which need not belong to a trial yet."""
    return attributes[ARCH_ID], Recipe.from_dict(json.loads(attributes[RECIPE]))


def network_attributes(arch: Arch, recipe: Recipe) -> dict[str, Any]:
    """The attributes of a trial that trains this network with this recipe."""
    return {ARCH: arch.to_json(indent=None), ARCH_ID: arch.arch_id, RECIPE: recipe.model_dump_json()}


def source_attributes(source: str) -> dict[str, Any]:
    """The attributes of an enqueued trial that was proposed by something other than the sampler."""
    return {SOURCE: source}


def repeat_attributes(failed: TrialRecord) -> dict[str, Any]:
    """The attributes of a trial that tries again what a failed one did."""
    kept = (ARCH, ARCH_ID, RECIPE, *(name for name in (SOURCE, RESCUES, GPU_SHARE) if name in failed.attributes))
    return {name: failed.attributes[name] for name in kept}


def confirmation_attributes(arch: Arch, recipe: Recipe, confirms: int | None, source: str | None) -> dict[str, Any]:
    """The attributes of a training that repeats a network of the search."""
    return {**network_attributes(arch, recipe), CONFIRMS: confirms, SOURCE: source}


def write_network(trial: Trial, arch: Arch, recipe: Recipe) -> None:
    """Write the network and the recipe. The id comes last: where it is present, the others are."""
    attributes = network_attributes(arch, recipe)
    for name in (RECIPE, ARCH, ARCH_ID):
        trial.set_user_attr(name, attributes[name])


def write_duplicate(trial: Trial, number: int) -> None:
    """Mark a trial as answered by the trial with this number."""
    trial.set_user_attr(DUPLICATE, number)


def write_excluded(trial: Trial) -> None:
    """Mark a trial whose network exceeds a constraint."""
    trial.set_user_attr(DUPLICATE, EXCLUDED)


def write_failure(trial: Trial, reason: str) -> None:
    trial.set_user_attr(FAILURE, reason)


def write_divergence(trial: Trial) -> None:
    """Mark a trial whose training itself reported that it cannot succeed."""
    trial.set_user_attr(DIVERGED, True)


def write_retry(trial: Trial, reason: str) -> None:
    """Add a reason for which the trial is tried again."""
    trial.set_user_attr(RETRIED, [*TrialRecord.of(trial).retried, reason])


def write_given_back(trial: Trial, reason: str) -> None:
    """Add that a trial lost its node, and why, at its last step."""
    record = TrialRecord.of(trial)
    trial.set_user_attr(GIVEN_BACK, [*map(list, record.given_back), [record.last_step, reason]])


def write_gpu_share(trial: Trial, share: float) -> None:
    """Mark a trial that ran out of GPU memory; share: of a GPU, that it takes from now on."""
    trial.set_user_attr(GPU_SHARE, share)


def write_metrics(trial: Trial, step: int, metrics: Mapping[str, Any]) -> None:
    """Write all metrics of a step that a storage can hold: numbers (NumPy's too), strings and booleans."""
    plain = {name: value.item() if hasattr(value, "item") else value for name, value in metrics.items()}
    kept = {name: value for name, value in plain.items() if isinstance(value, int | float | str | bool)}
    trial.set_user_attr(f"{RECORD}{step}", kept)
