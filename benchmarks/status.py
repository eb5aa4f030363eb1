"""How long `xoresnet status` takes, and how much memory, on a search of 30,000 trials: `python benchmarks/status.py`.

The journal is made up: trials with 8 parameters, 12 epochs each with all its figures, and layers in the last one. Each
command runs in a process of its own. `--optuna` reads the same journal with Optuna's own storage for comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.measures.figures import LayerCounts
from xoresnet.measures.records import EpochRecord
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import JOURNAL, RunFolder
from xoresnet.search.study.journal import JournalFile
from xoresnet.search.study.lines import guarded
from xoresnet.search.study.trials import network_attributes

EPOCHS, LAYERS = 12, 24
WORKER = "35bce7ea-895e-4597-864b-91789309a3b2-140626356468608"
FROM_OPTUNA = """
import optuna, sys
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
study = optuna.load_study(study_name="run", storage=JournalStorage(JournalFileBackend(sys.argv[1])))
print(len(study.get_trials(deepcopy=False)))
"""


def reported(trial: int, epoch: int) -> dict[str, Any]:
    """When and where an epoch was reported: 64 workers on 8 nodes, of which each takes 20 s for an epoch."""
    worker = trial % 64
    begun = 1_800_000_000 + 250 * (trial // 64)
    return {
        "timestamp": begun + 20 * epoch, "hostname": f"node{worker // 8}", "node_id": f"{worker // 8:056x}",
        "pid": 1000 + worker, "train_seconds": 18.5, "evaluation_seconds": 1.0,
    }  # fmt: skip


def entries(trials: int) -> Any:
    """The entries of a journal, as a search writes them."""
    base = {"worker_id": WORKER}
    yield {"op_code": 0, **base, "study_name": "run", "directions": [2, 1]}
    names = ["val_accuracy", "spikes_per_sample"]
    yield {"op_code": 3, **base, "study_id": 0, "system_attr": {"study:metric_names": names}}
    archs = [Arch.baseline("xoresnet20", input_shape=(3, 32, 32), num_classes=10, width=width) for width in (8, 16, 32)]
    networks = [network_attributes(arch, Recipe(epochs=EPOCHS)) for arch in archs]
    layer = LayerCounts("stages.0.0.convs.0.conv", "conv", 38.3, 0.0, 1234.5, 2304.0, 10598.4, 0.07)._asdict()
    layers = json.dumps([layer] * LAYERS)
    fields = [name for name in EpochRecord.__dataclass_fields__ if name not in ("epoch", "layers")]
    for number in range(trials):
        of_trial = {**base, "trial_id": number}
        yield {"op_code": 4, **base, "study_id": 0, "datetime_start": "2026-11-29T04:05:00.189545+00:00"}
        for place in range(8):
            kind = json.dumps({"name": "CategoricalDistribution", "attributes": {"choices": ["or", "add", "oa"]}})
            parameter = {"param_name": f"parameter{place}", "param_value_internal": 1, "distribution": kind}
            yield {"op_code": 5, **of_trial, **parameter}
        for name in ("recipe", "arch", "arch_id"):
            yield {"op_code": 8, **of_trial, "user_attr": {name: networks[number % 3][name]}}
        ends = EPOCHS if number % 3 == 0 else 4
        values = [(number * 7919 % trials) / trials, 1000.0 + number * 104729 % trials]
        for epoch in range(1, ends + 1):
            figures = {"epoch": epoch, **dict.fromkeys(fields, 0.12345678901234567), **reported(number, epoch)}
            last = {"layers": layers} if epoch == EPOCHS else {}
            yield {"op_code": 8, **of_trial, "user_attr": {f"record:{epoch}": {**figures, **last}}}
            yield {"op_code": 8, **of_trial, "user_attr": {f"report:{epoch}": values}}
        complete = ends == EPOCHS
        yield {
            "op_code": 6, **of_trial, "state": 1 if complete else 2, "values": values if complete else None,
            "datetime_complete": "2026-11-29T04:06:00.189545+00:00",
        }  # fmt: skip


def make_run(folder: Path, trials: int) -> Path:
    """A run of so many trials whose tables were never written."""
    space = {"arch": {"input_shape": [3, 32, 32], "num_classes": 10, "depth": 20, "width": [8, 16, 32]}}
    config = SearchConfig.from_dict({"space": space, "data": "cifar10", "epochs": EPOCHS, "budget": trials})
    run = RunFolder(folder / "run")
    with run.opened(config), (run.path / JOURNAL).open("wb") as journal:
        for number, entry in enumerate(entries(trials), 1):
            journal.write(guarded(entry, number))
    JournalFile(run.path / JOURNAL)
    return run.path


def measured(*command: str) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and MiB of a process and of nothing else."""
    began = time.perf_counter()
    child = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, *command])
    _, state, usage = os.wait4(child, 0)
    if state:
        raise SystemExit(f"{command} ended with {state}")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=30_000)
    parser.add_argument("--optuna", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = make_run(Path(folder), options.trials)
        size = (run / JOURNAL).stat().st_size / 1e6
        print(f"{options.trials:,} trials, a journal of {size:.0f} MB", flush=True)
        status = "from xoresnet.search.cli import run; run()"
        commands = {
            "status": ("-c", status, "status", str(run), "--json"),
            "nothing (imports alone)": ("-c", "import xoresnet.search.commands.status"),
        }
        if options.optuna:
            commands["Optuna's storage"] = ("-c", FROM_OPTUNA, str(run / JOURNAL))
        for name, command in commands.items():
            out = os.dup(1)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            seconds, busy, memory = measured(*command)
            os.dup2(out, 1)
            print(f"{name}: {seconds:.1f} s ({busy:.1f} s of CPU), {memory:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
