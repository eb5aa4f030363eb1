"""Searches and their confirmations whose figures are made up: carried out in this process, and without Ray."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from tests.search.views.test_search import complete, fail, prune, record, search_config, searching
from xoresnet.description.recipe import Recipe
from xoresnet.measures.records import MEASURED
from xoresnet.search.confirmation.confirming import ConfirmRun, plan_confirm
from xoresnet.search.execution.bridge import Verdict
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.trial import TrialFolder
from xoresnet.search.retraining.retraining import Retraining

FRONT = [0, 4, 1]
"""The trials on the front of `made_search`, in its order."""
_ids = count()


def made_search(folder: Path, **changes: Any) -> Path:
    """Trials 0, 1 and 4 are the front, 2 was pruned, 3 failed, 5 is dominated; two epochs each."""
    with searching(search_config(retries=0, sampler="grid", **changes), folder) as run:
        complete(run, 0.5, 1000)
        complete(run, 0.9, 30000)
        prune(run, (0.1, 9000))
        fail(run, "boom")
        complete(run, 0.7, 2000)
        complete(run, 0.4, 3000)
        run.frames.write()
    return folder


@contextmanager
def confirming(folder: Path, **options: Any) -> Iterator[ConfirmRun]:
    """A confirmation that has its folder and its study, as `confirm` makes it."""
    plan = plan_confirm(folder, **options)
    with claimed(plan.folder.path):
        yield ConfirmRun(plan)


def measured(accuracy: float, spikes: float) -> dict[str, float]:
    """What is reported of the test set, with the last epoch."""
    figures = {f"test_{name.removeprefix('val_')}": 0.25 for name in MEASURED}
    return {**figures, "test_accuracy": accuracy, "test_spikes_per_sample": spikes}


def begin(
    run: Retraining[Any], epochs: int | None = None, accuracy: Callable[[int], float] = lambda number: 0.5
) -> str | None:
    """Hand out a training that reports so many epochs, all of them if nothing is said; its id, if there was one.

    As the trainable does, it leaves a checkpoint, and weights in the end. accuracy: on the validation images, by the
    number of the training; on the test set it is the worse the better it is there.
    """
    run_id = f"confirm{next(_ids)}"
    config = run.bridge.next_config(run_id)
    if config is None:
        return None
    recipe = Recipe.model_validate_json(config["recipe"])
    folder, reached = TrialFolder(Path(config["folder"])), accuracy(config["number"])
    for epoch in range(1, 1 + (recipe.epochs if epochs is None else epochs)):
        folder.checkpoint.write_bytes(b"checkpoint")
        last: dict[str, Any] = {}
        if epoch == recipe.epochs:
            folder.weights.write_bytes(b"weights")
            last = measured(1 - reached, 100.0 + recipe.seed)
        assert run.bridge.on_report(run_id, {**record(epoch, reached, 50.0), **last}) is Verdict.CONTINUE
    return run_id


def carry_out(run: Retraining[Any], accuracy: Callable[[int], float] = lambda number: 0.5) -> list[int]:
    """All that is left, as `begin` does it; returns the numbers."""
    numbers = []
    while (run_id := begin(run, accuracy=accuracy)) is not None:
        numbers.append(run.bridge.live[run_id].trial.number)
        run.bridge.on_end(run_id)
    return numbers


def states(run: Retraining[Any]) -> list[str]:
    return [trial.state.name for trial in run.study.get_trials(deepcopy=False)]
