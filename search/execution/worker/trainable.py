"""One trial of a search as it runs on a worker: a training with one report for each epoch, and a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import ray
import torch
from ray import tune

from xoresnet.data.load import DataSet
from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DivergenceError
from xoresnet.search.execution.worker.work_files import WorkFiles, work_files
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.study.attributes import DEVICE, FAILURE, LAYERS, NODE, NOTICE
from xoresnet.standalone.config import ModelConfig
from xoresnet.standalone.folder import write_config
from xoresnet.training.fit import Training
from xoresnet.training.memory import hold_freed_memory
from xoresnet.training.resumable_epochs import ResumableEpochs

__all__ = ["load_data_once", "notice_of", "prepare_worker", "train_trial"]


def train_trial(config: dict[str, Any]) -> None:
    """Ray Tune's trainable: trains one network, from the checkpoint in its folder if there is one.

    config: `arch`, `recipe` and `data` as JSON, `folder` (the trial's, on the driver's machine), `reach` (how its files
    get there, `Reach`), and `threads` of the CPU; optionally `opens_test`, in whose name the test set is opened after
    the last epoch. A training that diverges reports its failure instead of raising,
    so that no later command tries it again.
    """
    prepare_worker(config["threads"])
    with work_files(config.get("reach"), config["folder"]) as files:
        try:
            _train(config, files)
        except DivergenceError as error:
            tune.report({FAILURE: str(error)})


def _train(config: Mapping[str, Any], files: WorkFiles) -> None:
    recipe = Recipe.from_dict(json.loads(config["recipe"]))
    data = load_data_once(config["data"])
    folder = TrialFolder(files.place(config["folder"]))
    checkpoint = files.take(TrialFolder(Path(config["folder"])).checkpoint)
    training = Training(Arch.from_json(config["arch"]), data, recipe, checkpoint=checkpoint)
    node = {NODE: ray.get_runtime_context().get_node_id(), DEVICE: str(training.device)}
    known = len(training.records)
    for record in chain(tuple(training.records), training):  # the checkpoint may hold all epochs already
        last: dict[str, Any] = {}
        if record.epoch > known:
            files.give(checkpoint)  # before the report, after which the trial may be stopped
        if record.epoch == recipe.epochs:
            figures = _test_figures(training, config.get("opens_test"))
            folder.write_weights(training.net.state_dict())
            write_config(folder.path, ModelConfig.of(training, figures))
            files.give(folder.weights)
            files.give(folder.path / "config.json")
            last = {**figures, LAYERS: json.dumps([layer._asdict() for layer in record.layers])}
        tune.report({**record.as_dict(), **node, **last, **notice_of(training)})


def notice_of(training: ResumableEpochs[Any]) -> dict[str, str]:
    """What a training has to say, for its next report; it says so once."""
    notice, training.notice = training.notice, ""
    return {NOTICE: notice} if notice else {}


def prepare_worker(threads: int) -> None:
    """Set up a worker process; threads: of the CPU, for torch."""
    hold_freed_memory()
    torch.set_num_threads(threads)


@lru_cache(maxsize=1)
def load_data_once(spec: str) -> DataSet:
    """The data set of a `DataSpec` in JSON, loaded once for each process, because workers run many trials."""
    return DataSpec.from_dict(json.loads(spec)).load()


def _test_figures(training: Training, opened_by: str | None) -> dict[str, float]:
    """The figures of the network on the test set, their names prefixed by `test_`; empty if it stays closed."""
    if opened_by is None:
        return {}
    figures = training.evaluate(training.data.test.open(by=opened_by)).as_dict()
    return {f"test_{name}": value for name, value in figures.items()}
