"""ARCH on the command line: the name of a baseline, a file that `Arch.save` wrote, or a trial of a search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch, baseline_names
from xoresnet.description.recipe import Recipe
from xoresnet.description.user_code import names_only
from xoresnet.errors import RunError, SpecError, UsageError
from xoresnet.files.places import is_url, local_path
from xoresnet.search.commands.arguments.options import existing_file, near_file
from xoresnet.search.commands.arguments.settings import merged
from xoresnet.search.folders.mirror import copied

__all__ = ["ArchSource", "SearchedTrial", "find_trial"]

_FROM_DATA = ("input_shape", "num_classes")
_SMALL = (1, 32, 32), 10
"""Images and classes that stand in for those of the data set until it is read."""


class ArchSource:
    """A network whose images and classes are those of a data set that is read later, with the user's changes."""

    def __init__(self, text: str, changes: Mapping[str, Any], *, trust_code: bool = False) -> None:
        """Read the network.

        trust_code: whether code that a file or a run names may be imported; what the changes name always is. Raises
        `UsageError` for an unknown name or file, `SpecError` for wrong settings, `RunError` for `RUN:ID`, and
        `UntrustedCodeError` where code would have to be imported.
        """
        if not is_url(text):
            text = str(local_path(text, "ARCH"))
        path = Path(text)
        self._file = path / "arch.json" if path.is_dir() else path
        if path.is_dir() and not self._file.exists():
            raise UsageError(_no_network(text, path))
        is_file = path.suffix == ".json" or path.is_file() or path.is_dir()
        near = None if is_file or ":" in text or text in baseline_names() else near_file(path)
        if near is not None and near.suffix == ".json":
            raise UsageError(f"{text} is neither a baseline nor a file; did you mean {near}?")
        self.trial = None if is_file else find_trial(text, trust_code=trust_code)
        """The trial that `RUN:ID` names, else None."""
        self._name = text if text in baseline_names() or not is_file else None
        self._changes, self._trust_code = dict(changes), trust_code
        arch = self.build(*_SMALL)
        of_file = arch.arch_id if self._file.stem == "arch" else self._file.stem
        self.label = self.trial.label if self.trial is not None else self._name or of_file
        """The name of its runs."""

    def build(self, input_shape: tuple[int, int, int], num_classes: int) -> Arch:
        """The network for images of this shape; a network from a file keeps its own."""
        if self._name is None:
            return self._changed(Arch.load(existing_file(self._file), trust_code=self._trust_code))
        for field in self._changes:
            if field in _FROM_DATA:
                raise UsageError(f"{field} is fixed by the data set")
        if self.trial is not None:
            return self._changed(self.trial.arch.replace(input_shape=input_shape, num_classes=num_classes))
        if "depth" in self._changes:
            raise UsageError(f"depth is fixed by the name {self._name!r}; use the baseline of that depth")
        try:
            arch = Arch.baseline(self._name, input_shape=input_shape, num_classes=num_classes)
        except SpecError as error:
            raise UsageError(f"{error.faults[0].message} (or give the path of an arch.json)") from None
        return self._changed(arch)

    def _changed(self, arch: Arch) -> Arch:
        fields = arch.model_dump()
        neuron = self._changes.get("neuron")
        surrogate = neuron.get("surrogate") if isinstance(neuron, Mapping) else None
        if isinstance(surrogate, Mapping) and "kind" in surrogate and "alpha" not in surrogate:
            del fields["neuron"]["surrogate"]["alpha"]  # each kind has a default of its own
        return Arch.from_dict(merged(fields, self._changes))


def _no_network(text: str, path: Path) -> str:
    """Why a folder holds no network."""
    if (path / "trials").is_dir():
        return f"{text} holds a search; name one of its trials, {text}:ID (to list them: xoresnet front {text})"
    return f"{text} holds no network: it has no arch.json"


class SearchedTrial(NamedTuple):
    """The network of a trial, and how it was trained."""

    label: str
    arch: Arch
    data: DataSpec
    recipe: Recipe


def find_trial(text: str, *, trust_code: bool = False) -> SearchedTrial | None:
    """The trial that `RUN:ID` names; RUN may be a URL, and ID is a trial's number or a network's id. None for a text
    without an ID.

    trust_code: whether code that the run names may be imported. Raises `RunError` if RUN is not the folder of a search,
    `UsageError` if it has no such trial, and `UntrustedCodeError` where code would have to be imported.
    """
    run, colon, wanted = text.rpartition(":")
    if not colon or "/" in wanted:  # of a URL
        return None
    with copied(run) as folder:
        with names_only(run, trust_code=trust_code) as named:
            trial = _find(text, str(folder), wanted)
        named.refuse()
    return trial


def _find(text: str, run: str, wanted: str) -> SearchedTrial:
    # Optuna, which networks without a colon do not need
    from xoresnet.search.study.opening import read_search
    from xoresnet.search.study.trials import trials_of

    folder, config, study, fault = read_search(run)
    own = [trial for trial in trials_of(study) if trial.has_own_network]
    meant = [trial for trial in own if wanted in (str(trial.number), trial.arch_id)]
    if not meant and fault:
        raise RunError(fault)
    if not meant:
        raise UsageError(f"{text}: {run} has no trial {wanted} that trained a network")
    if len({trial.training_key for trial in meant}) > 1:
        numbers = ", ".join(str(trial.number) for trial in meant)
        raise UsageError(f"{text}: this network was trained with several recipes, in trials {numbers}; name a trial")
    trial = meant[-1]
    return SearchedTrial(f"{folder.path.name}-{trial.number}", trial.arch, config.data, trial.recipe)
