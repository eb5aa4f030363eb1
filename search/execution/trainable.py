"""One trial of a search, as it runs on a worker: `fit`, one report for each epoch, one checkpoint."""

from __future__ import annotations

import json
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.search.study.attributes import FAILURE, LAYERS, NODE

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet
    from xoresnet.training.fit import Training

__all__ = ["CHECKPOINT", "WEIGHTS", "load_data_once", "train_trial"]

CHECKPOINT, WEIGHTS = "checkpoint.safetensors", "weights.safetensors"
"""Files of a trial."""


def train_trial(config: dict[str, Any]) -> None:
    """Ray Tune's trainable. config: arch, recipe, data (JSON), folder, threads; and by whom the test set is opened in
    the end (`opens_test`), where it is opened.

    Goes on from the checkpoint in its folder if there is one. A network that diverges says so in its report, since
    trying it again would not help.
    """
    import ray
    import torch
    from ray import tune

    from xoresnet.errors import DivergenceError
    from xoresnet.standalone.folder import ModelConfig, write_config
    from xoresnet.training.fit import Training
    from xoresnet.training.memory import hold_freed_memory

    hold_freed_memory()
    torch.set_num_threads(config["threads"])
    recipe = Recipe.from_dict(json.loads(config["recipe"]))
    folder = Path(config["folder"])
    data = load_data_once(config["data"])
    try:
        training = Training(Arch.from_json(config["arch"]), data, recipe, checkpoint=folder / CHECKPOINT)
        where = {NODE: ray.get_runtime_context().get_node_id()}
        for record in chain(tuple(training.records), training):  # the checkpoint may have them all already
            more: dict[str, Any] = {}
            if record.epoch == recipe.epochs:
                figures = _test_figures(training, config.get("opens_test"))
                _write_weights(folder / WEIGHTS, training.net.state_dict())
                write_config(folder, ModelConfig.of(training, figures))
                more = {**figures, LAYERS: json.dumps([layer._asdict() for layer in record.layers])}
            tune.report({**record.as_dict(), **where, **more})
    except DivergenceError as error:
        tune.report({FAILURE: str(error)})


def _test_figures(training: Training, opened_by: str | None) -> dict[str, float]:
    """What the network comes to on the test set, each name with `test_` before it; nothing where it stays shut."""
    if opened_by is None:
        return {}
    found = training.evaluate(training.data.test.open(by=opened_by)).as_dict()
    return {f"test_{name}": value for name, value in found.items()}


@lru_cache(maxsize=1)
def load_data_once(spec: str) -> DataSet:
    """Once for each process: workers are used again for the next trial."""
    return DataSpec.from_dict(json.loads(spec)).load()


def _write_weights(path: Path, weights: dict[str, Any]) -> None:
    from safetensors.torch import save_file

    from xoresnet.files.atomic import replaced

    with replaced(path) as partial:
        save_file({name: value.contiguous() for name, value in weights.items()}, partial)
