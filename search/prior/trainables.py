"""The jobs of shared weights as they run on a worker: training those of one group, and predicting networks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

from ray import tune

from xoresnet.data.load import DataSet
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import DivergenceError
from xoresnet.files.atomic import write_text
from xoresnet.search.execution.worker.trainable import load_data_once, notice_of, prepare_worker
from xoresnet.search.execution.worker.work_files import WorkFiles, work_files
from xoresnet.search.prior.table import SECONDS
from xoresnet.search.study.attributes import FAILURE
from xoresnet.shared.prediction import NORM_IMAGES, predict
from xoresnet.shared.training import SharedTraining, load_shared
from xoresnet.training.learning import default_device

__all__ = ["EPOCHS_CHARGED", "predict_networks", "prediction_epochs", "read_archs", "train_shared", "write_archs"]

EPOCHS_CHARGED = "epochs_charged"
"""The metric of what a job has cost so far, in epochs of training one network; reported with its `SECONDS`."""
_FORWARD = 1 / 3
"""The cost of a forward pass in training steps: for each of its products, the backward pass computes two."""


def train_shared(config: dict[str, Any]) -> None:
    """Ray Tune's trainable: trains the shared weights of one group, from its checkpoint if there is one.

    config: `archs` (a file of networks), `recipe` and `data` as JSON, `checkpoint` (a file), `reach` (how files get to
    the run, `Reach`), and `threads`.
    """
    prepare_worker(config["threads"])
    with work_files(config.get("reach"), Path(config["archs"]).parent) as files:
        try:
            _train_shared(config, files)
        except DivergenceError as error:
            tune.report({FAILURE: str(error)})


def _train_shared(config: Mapping[str, Any], files: WorkFiles) -> None:
    data = load_data_once(config["data"])
    recipe = Recipe.from_dict(json.loads(config["recipe"]))
    archs, checkpoint = read_archs(files.take(config["archs"])), files.take(config["checkpoint"])
    training = SharedTraining(archs, data, recipe, checkpoint=checkpoint)
    seconds, passes, known = 0.0, 0, len(training.records)
    for number, record in enumerate(chain(tuple(training.records), training)):
        if number >= known:
            files.give(checkpoint)
        seconds, passes = seconds + record.train_seconds, passes + record.image_passes
        cost = {SECONDS: seconds, EPOCHS_CHARGED: passes / len(data.train)}
        tune.report({**asdict(record), **cost, **notice_of(training)})


def predict_networks(config: dict[str, Any]) -> None:
    """Ray Tune's trainable: writes what shared weights predict of a list of networks.

    config: `archs` (a file of networks), `weights` (a checkpoint of `train_shared`), `output` (a file), `data` as JSON,
    `reach` as for `train_shared`, and `threads`.
    """
    prepare_worker(config["threads"])
    data = load_data_once(config["data"])
    rows: list[dict[str, Any]] = []
    passes = 0
    with work_files(config.get("reach"), Path(config["archs"]).parent) as files:
        shared = load_shared(files.take(config["weights"]), device=default_device(None))
        for prediction in predict(shared, read_archs(files.take(config["archs"])), data):
            rows.append({"arch_id": prediction.arch.arch_id, **prediction.figures, SECONDS: prediction.seconds})
            passes += prediction.image_passes
        output = files.place(config["output"])
        write_text(output, json.dumps(rows))
        files.give(output)
    seconds = sum(float(row[SECONDS]) for row in rows)
    tune.report({"epoch": 1, SECONDS: seconds, EPOCHS_CHARGED: _FORWARD * passes / len(data.train)})


def prediction_epochs(data: DataSet) -> float:
    """The cost of predicting one network, in epochs of training one network."""
    return _FORWARD * (min(NORM_IMAGES, len(data.train)) + len(data.validation)) / len(data.train)


def write_archs(path: Path, archs: Iterable[Arch]) -> None:
    """Write networks, one a line as JSON."""
    write_text(path, "".join(f"{arch.to_json(indent=None)}\n" for arch in archs))


def read_archs(path: Path) -> Sequence[Arch]:
    """Read what `write_archs` wrote."""
    return [Arch.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]
