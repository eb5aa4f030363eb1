"""The prior of a search: trained once, its cost recorded in the study and in `prior.json`, and read as predictions."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from optuna.study import Study

from xoresnet.description.arch import Arch
from xoresnet.errors import ClusterError, RunError, UsageError
from xoresnet.files.atomic import write_text
from xoresnet.results.fronts.objectives import numbers
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.workplace import Workplace
from xoresnet.search.prepare import SearchPlan
from xoresnet.search.prior.shared_prior import PriorError, PriorInterruptedError, SharedPrior
from xoresnet.search.prior.table import PredictedTableError, read_predicted
from xoresnet.search.strategy.progress import Array, Key, key_of
from xoresnet.search.study.attributes import PRIOR
from xoresnet.search.study.spending import prior_of
from xoresnet.space.walk import parameters_of

__all__ = ["predictions_of"]


def predictions_of(
    study: Study,
    plan: SearchPlan,
    workplace: Workplace,
    on_step: Callable[[TrialBridge], None],
    on_error: Callable[[str], None],
) -> dict[Key, Array]:
    """What shared weights predict, `[objectives]` for each network by its parameters, where all of it is finite.

    The weights are trained first if they are not complete, and failed jobs are tried again.

    workplace: of the run, in whose folder the prior is. on_step, on_error: as in `SharedPrior`. Raises
    `PriorInterruptedError`, `PriorError` for a prior that failed, `ClusterError` where no job fits on the machines.
    """
    run = workplace.lifeline.folder
    if "networks" not in prior_of(study) or not _is_readable(run):
        study.set_user_attr(PRIOR, _train(plan, workplace, on_step, on_error))
    facts = prior_of(study)
    write_text(run / "prior.json", json.dumps(facts, indent=2) + "\n")
    if "failed" in facts:
        raise PriorError(facts["failed"])
    predicted = read_predicted(run)
    columns = [numbers(predicted, f"predicted_{objective.metric}") for objective in plan.config.objectives]
    values = np.stack(columns, axis=1)
    return {
        key_of(parameters_of(plan.space, Arch.from_json(arch))): row
        for arch, row in zip(predicted["arch"], values, strict=True)
        if np.isfinite(row).all()
    }


def _is_readable(run: Path) -> bool:
    try:
        read_predicted(run)
    except PredictedTableError:
        return False
    return True


def _train(
    plan: SearchPlan,
    workplace: Workplace,
    on_step: Callable[[TrialBridge], None],
    on_error: Callable[[str], None],
) -> dict[str, Any]:
    """What the study is to record; unexpected errors cost the search its prior and nothing else."""
    workplace.open()  # what may refuse the search does so before anything is written
    workplace.find_places()
    try:
        prior = SharedPrior(plan, workplace, on_step, on_error)
        networks = prior.run()
    except PriorError as error:
        return {"failed": str(error)}
    except (ClusterError, RunError, UsageError, PriorInterruptedError):
        raise
    except Exception as error:
        return {"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"}
    epochs = prior.epochs_charged
    return {
        "epochs_charged": epochs,
        "seconds": prior.seconds,
        "networks": networks,
    }
