"""ARCH on the command line: the name of a baseline, a file that `Arch.save` wrote, or a trial of a search."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xoresnet.description.arch import Arch, baseline_names
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.commands.overrides import merged
from xoresnet.search.commands.searched_trial import find_trial

__all__ = ["ArchSource"]

_FROM_DATA = ("input_shape", "num_classes")
_SMALL = (1, 32, 32), 10
"""A data set that stands in for the real one as long as only the settings are looked at."""


class ArchSource:
    """A network that waits for its data set, with settings of the user's on top."""

    def __init__(self, text: str, changes: Mapping[str, Any]) -> None:
        """Raises `UsageError` for a name that is not known, `SpecError` for settings that are wrong."""
        path = Path(text)
        self._file = path / "arch.json" if path.is_dir() else path
        is_file = path.suffix == ".json" or path.is_file() or path.is_dir()
        self.trial = None if is_file else find_trial(text)
        """That is meant by `RUN:ID`; None for others."""
        self._name = text if text in baseline_names() or not is_file else None
        self._changes = dict(changes)
        arch = self.build(*_SMALL)
        of_file = arch.arch_id if self._file.stem == "arch" else self._file.stem
        self.label = self.trial.label if self.trial is not None else self._name or of_file
        """What runs of it are called."""

    def build(self, input_shape: tuple[int, int, int], num_classes: int) -> Arch:
        """The network for images of this shape; one from a file keeps its own."""
        if self._name is None:
            return self._changed(Arch.load(self._file))
        for field in self._changes:
            if field in _FROM_DATA:
                raise UsageError(f"{field} follows from the data set")
        if self.trial is not None:
            return self._changed(self.trial.arch.replace(input_shape=input_shape, num_classes=num_classes))
        if "depth" in self._changes:
            raise UsageError(f"depth follows from the name {self._name!r}: take the baseline of that depth")
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
            del fields["neuron"]["surrogate"]["alpha"]  # each kind comes with a sharpness of its own
        return Arch.from_dict(merged(fields, self._changes))
