"""A search of made-up trials on a cluster, in a process of its own: `python -m ... ADDRESS FOLDER TRIALS`.

The study is a journal in the folder. Prints the outcome as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import optuna
import ray
from optuna.samplers import RandomSampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import Trial

from tests.search.execution.trainables import answers, paced
from xoresnet.data.load import load_data
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.cluster import places
from xoresnet.search.execution.execute import execute
from xoresnet.search.execution.lifeline import Lifeline
from xoresnet.search.execution.worker.work_files import Reach
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.objective import Objective

__all__ = ["AT_ONCE", "DIES", "NEEDS_MORE", "open_study"]

AT_ONCE = 8
NEEDS_MORE, DIES = 3, 5
"""The numbers of the trials that do not fit into a quarter of a GPU, and that end their worker once."""
OBJECTIVES = [Objective(metric="accuracy", direction="max"), Objective(metric="spikes", direction="min")]


def open_study(folder: Path) -> optuna.Study:
    return optuna.create_study(
        study_name="study",
        storage=JournalStorage(JournalFileBackend(str(folder / "study.journal"))),
        load_if_exists=True,
        directions=["maximize", "minimize"],
        sampler=RandomSampler(seed=0),
    )


def main(address: str, folder: Path, trials: int) -> dict[str, Any]:
    def space(trial: Trial) -> dict[str, Any]:
        needs, dies = 0.5 if trial.number == NEEDS_MORE else 0.0, trial.number == DIES
        waits = ("lost", "announced", "joined")[min(trial.number // AT_ONCE, 2)]
        return {
            "number": trial.number, "folder": str(folder), "epochs": 4, "waits": waits, "needs": needs, "dies": dies,
        }  # fmt: skip

    def look() -> None:
        if any(live.leaves for live in bridge.live.values()):
            (folder / "seen").touch()

    places.examine = answers  # type: ignore[assignment] # Ray was told of GPUs that are not there
    config = SearchConfig.from_dict({"space": "digits", "max_concurrent": 64, "gpus_per_trial": "auto"})
    bridge = TrialBridge(open_study(folder), space, OBJECTIVES, budget=trials, max_step=4, retries=1)
    ray.init(address=address, include_dashboard=False, log_to_driver=False)
    with Workplace(config, load_data("digits"), Lifeline(folder), Reach.of(RunFolder(folder))) as workplace:
        outcome = execute(bridge, paced, config, look, workplace)
    return {
        "ended": outcome.ended,
        "errors": outcome.errors,
        "notices": outcome.notices,
        "spent": bridge.spent,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
