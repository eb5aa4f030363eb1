"""The jobs of shared weights as they run on a worker: training one group's, and predicting a list of networks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.files.atomic import write_text
from xoresnet.search.execution.trainable import load_data_once
from xoresnet.search.prior.table import SECONDS
from xoresnet.search.study.attributes import FAILURE

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet

__all__ = ["EPOCHS_CHARGED", "predict_networks", "prediction_epochs", "read_archs", "train_shared", "write_archs"]

EPOCHS_CHARGED = "epochs_charged"
"""What a job has cost so far, in epochs of training one network; reported beside its `SECONDS`."""
_FORWARD = 1 / 3
"""Of a training step is the forward pass: the backward pass computes two products for each of its one."""


def train_shared(config: dict[str, Any]) -> None:
    """Ray Tune's trainable that trains shared weights of one group.

    config: archs (a file of networks), recipe and data (JSON), checkpoint (a file, from which it goes on if it is
    there), threads.
    """
    from ray import tune

    from xoresnet.errors import DivergenceError
    from xoresnet.shared.training import SharedTraining

    _prepare(config)
    data = load_data_once(config["data"])
    recipe = Recipe.from_dict(json.loads(config["recipe"]))
    try:
        training = SharedTraining(read_archs(Path(config["archs"])), data, recipe, checkpoint=config["checkpoint"])
        seconds, passes = 0.0, 0
        for record in chain(tuple(training.records), training):
            seconds, passes = seconds + record.train_seconds, passes + record.image_passes
            cost = {SECONDS: seconds, EPOCHS_CHARGED: passes / len(data.train)}
            tune.report({**asdict(record), **cost})
    except DivergenceError as error:
        tune.report({FAILURE: str(error)})


def predict_networks(config: dict[str, Any]) -> None:
    """Ray Tune's trainable that writes down what shared weights say of networks.

    config: archs (a file of networks), weights (a checkpoint by `train_shared`), output (a file), data,
    threads.
    """
    from ray import tune

    from xoresnet.shared.prediction import predict
    from xoresnet.shared.training import load_shared
    from xoresnet.training.learning import default_device

    _prepare(config)
    data = load_data_once(config["data"])
    rows: list[dict[str, Any]] = []
    passes = 0
    shared = load_shared(config["weights"], device=default_device(None))
    for one in predict(shared, read_archs(Path(config["archs"])), data):
        rows.append({"arch_id": one.arch.arch_id, **one.figures, SECONDS: one.seconds})
        passes += one.image_passes
    write_text(Path(config["output"]), json.dumps(rows))
    seconds = sum(float(row[SECONDS]) for row in rows)
    tune.report({"epoch": 1, SECONDS: seconds, EPOCHS_CHARGED: _FORWARD * passes / len(data.train)})


def prediction_epochs(data: DataSet) -> float:
    """What one prediction costs, in epochs of training one network."""
    from xoresnet.shared.prediction import NORM_IMAGES

    return _FORWARD * (min(NORM_IMAGES, len(data.train)) + len(data.validation)) / len(data.train)


def write_archs(path: Path, archs: Iterable[Arch]) -> None:
    """One network a line."""
    write_text(path, "".join(f"{arch.to_json(indent=None)}\n" for arch in archs))


def read_archs(path: Path) -> Sequence[Arch]:
    return [Arch.from_json(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _prepare(config: dict[str, Any]) -> None:
    import torch

    from xoresnet.training.memory import hold_freed_memory

    hold_freed_memory()
    torch.set_num_threads(config["threads"])
