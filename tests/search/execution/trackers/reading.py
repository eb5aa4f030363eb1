"""What trackers have on disk, read back: epochs and values of one figure for each trial."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from wandb.proto.wandb_internal_pb2 import Record

from xoresnet.search.execution.trackers.tracked import TrackedRun

Curve = dict[int, float]
"""Value by epoch."""
FIGURE = "val_accuracy"


def made_run(folder: Path, name: str = "run", id: str = "4d22bce0b346") -> TrackedRun:  # noqa: A002
    """A run of no search."""
    folder.mkdir(exist_ok=True)
    return TrackedRun(folder, name, id, "trial", {"strategy": "promotion"}, {"data.name": "digits"})


def epochs(*numbers: int) -> dict[int, dict[str, float]]:
    """The figures of these epochs, the last one of a record included."""
    return {number: {FIGURE: number / 10, "peak_memory_mib": 1.0} for number in numbers}


def curve(*numbers: int) -> Curve:
    """The curve that `epochs` describes."""
    return {number: number / 10 for number in numbers}


def tensorboard_curve(folder: Path, tag: str = FIGURE) -> Curve:
    """The curve that TensorBoard shows of the event files in a folder, in which no epoch may be there twice."""
    events = EventAccumulator(str(folder))
    events.Reload()
    points = events.Scalars(tag) if tag in events.Tags()["scalars"] else []
    assert len({point.step for point in points}) == len(points), "an epoch is there twice"
    return {point.step: round(point.value, 5) for point in points}


class Mlflow:
    """An MLflow store with the runs of one search."""

    def __init__(self, address: str, experiment: str = "xoresnet") -> None:
        self.client = MlflowClient(address)
        found = self.client.get_experiment_by_name(experiment)
        assert found is not None
        self.experiment = found
        runs = self.client.search_runs([found.experiment_id])
        self.parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
        self.children = {run.info.run_name: run for run in runs if run not in self.parents}
        assert len(self.children) + len(self.parents) == len(runs), "two runs have one name"

    @classmethod
    def of(cls, folder: Path) -> Mlflow:
        """The one in the folder of a run."""
        return cls(f"sqlite:///{folder}/mlflow/mlflow.db")

    def curve(self, run: Run) -> Curve:
        """One figure of a run, in which no epoch may be there twice."""
        points = self.client.get_metric_history(run.info.run_id, FIGURE)
        assert len({point.step for point in points}) == len(points), "an epoch is there twice"
        return {point.step: round(point.value, 5) for point in points}


def wandb_records(file: Path) -> Iterator[Record]:
    """The records of a `.wandb` file: a header of 7 bytes, then blocks of 32 KiB with chunks of records."""
    content, place, parts = file.read_bytes(), 7, b""
    while place + 7 <= len(content):
        if 32768 - place % 32768 < 7:  # too little for the head of a chunk
            place += 32768 - place % 32768
            continue
        _, length, kind = struct.unpack_from("<IHB", content, place)
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or last
            yield Record.FromString(parts)
            parts = b""


class Wandb:
    """The offline runs of W&B in the folder of a run: what all sessions have logged, by the ids of runs."""

    def __init__(self, folder: Path) -> None:
        self.curves: dict[str, Curve] = {}
        self.names: dict[str, str] = {}
        self.groups: set[str] = set()
        self.configs: dict[str, dict[str, Any]] = {}
        self.summaries: dict[str, dict[str, Any]] = {}
        end = time.monotonic() + 60
        for file in sorted((folder / "wandb").glob("offline-run-*/run-*.wandb"), key=lambda file: file.parent.name):
            id = file.stem.removeprefix("run-")  # noqa: A001
            records = list(wandb_records(file))
            # W&B's own process may write the last records after `finish` has returned
            while not any(record.HasField("exit") for record in records) and time.monotonic() < end:
                time.sleep(0.1)
                records = list(wandb_records(file))
            for record in records:
                self._read(id, record)

    def _read(self, id: str, record: Record) -> None:  # noqa: A002
        if record.HasField("run"):
            assert record.run.run_id == id
            self.names[id] = record.run.display_name
            self.groups.add(record.run.run_group)
            items = {item.key: json.loads(item.value_json) for item in record.run.config.update}
            self.configs.setdefault(id, {}).update(items)
        if record.HasField("summary"):
            items = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.summary.update}
            self.summaries.setdefault(id, {}).update(items)
        if record.HasField("history"):
            items = {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
            known = self.curves.setdefault(id, {})
            if FIGURE in items:
                assert items["_step"] not in known, "an epoch is there twice"
                known[items["_step"]] = round(items[FIGURE], 5)
