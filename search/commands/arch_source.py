"""ARCH on the command line: the name of a baseline, a file that `Arch.save` wrote, or a trial of a search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xoresnet.description.arch import Arch, baseline_names
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.commands.arguments import existing_file
from xoresnet.search.commands.overrides import merged
from xoresnet.search.commands.searched_trial import find_trial

__all__ = ["ArchSource"]

_FROM_DATA = ("input_shape", "num_classes")
_SMALL = (1, 32, 32), 10
"""Images and classes that stand in for those of the data set until it is read."""


class ArchSource:
    """A network whose images and classes are those of a data set that is read later, with the user's changes."""

    def __init__(self, text: str, changes: Mapping[str, Any], *, trust_code: bool = False) -> None:
        """Raises `UsageError` for an unknown name or file, `SpecError` for wrong settings, `RunError` for `RUN:ID`."""
        path = Path(text)
        self._file = path / "arch.json" if path.is_dir() else path
        is_file = path.suffix == ".json" or path.is_file() or path.is_dir()
        self.trial = None if is_file else find_trial(text, trust_code=trust_code)
        """The trial that `RUN:ID` names, else None."""
        self._name = text if text in baseline_names() or not is_file else None
        self._changes = dict(changes)
        arch = self.build(*_SMALL)
        of_file = arch.arch_id if self._file.stem == "arch" else self._file.stem
        self.label = self.trial.label if self.trial is not None else self._name or of_file
        """The name of its runs."""

    def build(self, input_shape: tuple[int, int, int], num_classes: int) -> Arch:
        """The network for images of this shape; a network from a file keeps its own."""
        if self._name is None:
            return self._changed(Arch.load(existing_file(self._file), trust_code=True))
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
