"""The folder of a single training: a trial's folder (`folders/trial.py`) with further files.

config.yaml              network, data and recipe, by which the same command is recognised
arch.json                the network
checkpoint.safetensors   written after each epoch; the training continues from it
history.parquet          one row for each epoch
layers.parquet           one row for each epoch and layer
weights.safetensors      the network's state_dict after the last epoch
config.json              what `load_model` needs besides the weights
summary.json             the figures of the last epoch, and of the test set once it was opened
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import NoRunError, RunError, UsageError
from xoresnet.files.atomic import sweep, write_text
from xoresnet.files.json_text import json_text
from xoresnet.files.run_contents import wrong_content
from xoresnet.files.small import read_small
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.measures.records import EpochRecord
from xoresnet.search.folders.claim import claimed, holds_files
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.trial import TrialFolder

__all__ = ["TrainFolder"]

_WHERE_FILES_ARE = ("root", "verify")
"""Fields of the data set that may differ from one machine to another."""


class TrainFolder(TrialFolder):
    """The folder of one training; `opened` locks it for this process."""

    @contextmanager
    def opened(self, arch: Arch, data: DataSpec, recipe: Recipe) -> Iterator[None]:
        """Lock the folder for this training until the block ends, and write network and configuration.

        Raises `RunError` if it holds something else, or if another process is working in it.
        """
        self.check(arch, data, recipe)
        with claimed(self.path):
            sweep(self.path)
            self.check(arch, data, recipe)  # again: another process may have been here in between
            write_text(self.path / "config.yaml", write_yaml(_config(arch, data, recipe)))
            write_text(self.arch, arch.to_json() + "\n")
            yield

    def epochs_kept(self) -> int:
        """How many epochs the checkpoint holds; 0 if there is none."""
        from xoresnet.training.checkpoint import load_checkpoint

        try:
            return len(load_checkpoint(self.checkpoint).records)
        except ValueError:
            return 0

    def write_history(self, arch: Arch, seed: int, records: Sequence[EpochRecord]) -> None:
        from xoresnet.results.tables.columns import history_frame, layers_frame
        from xoresnet.results.tables.files import write_parquet

        write_parquet(self.path / "history.parquet", history_frame(records, arch_id=arch.arch_id, seed=seed))
        write_parquet(self.path / "layers.parquet", layers_frame(records, arch_id=arch.arch_id, seed=seed))

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write the summary as JSON; NaN and infinities become null."""
        write_text(self.path / "summary.json", json_text(summary) + "\n")

    def test_figures(self) -> dict[str, Any] | None:
        """The figures that were measured when the test set was opened, or None if it was not."""
        try:
            figures = json.loads((self.path / "summary.json").read_text(encoding="utf-8")).get("test")
        except (OSError, ValueError, AttributeError):
            return None
        return figures if isinstance(figures, dict) else None

    def check(self, arch: Arch, data: DataSpec, recipe: Recipe) -> None:
        """Raises `RunError` if the folder holds something other than this training."""
        config = _config(arch, data, recipe)
        path = self.path / "config.yaml"
        if not path.exists():
            if self.path.exists() and not self.path.is_dir():
                raise NoRunError(f"{self.path} is not a folder; choose another run folder")
            if holds_files(self.path):
                raise NoRunError(f"{self.path} holds other files; choose another run folder")
            return
        try:
            saved = read_yaml(read_small(path).decode("utf-8"), str(path))
        except (UsageError, UnicodeDecodeError) as error:
            raise RunError(str(error)) from None
        if not isinstance(saved, Mapping) or saved.get("command") != "train":
            raise NoRunError(f"{self.path} {wrong_content(saved, 'training')}; choose another run folder")
        kept = (self.checkpoint, self.weights, self.path / "history.parquet", self.path / "summary.json")
        if not any(file.exists() for file in kept):  # no epoch was finished: there is nothing to protect
            return
        ignored = {f"data.{name}" for name in _WHERE_FILES_ARE}
        changes = [text for key, text in differences(saved, config) if key not in ignored]
        if changes:
            raise NoRunError(f"{self.path} holds another training: {'; '.join(changes)}; choose another run folder")


def _config(arch: Arch, data: DataSpec, recipe: Recipe) -> dict[str, Any]:
    parts = {"arch": arch, "data": data, "recipe": recipe}
    return {"command": "train", **{name: part.model_dump(mode="json") for name, part in parts.items()}}
