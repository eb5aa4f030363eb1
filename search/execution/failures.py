"""Failed trials: what is wrong with a report, the reason behind an error of Ray, and whether a trial is tried again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from optuna.trial import Trial

from xoresnet.search.study.trials import TrialRecord, write_failure, write_given_back, write_retry

__all__ = [
    "WORKER_DIED",
    "goes_on_elsewhere",
    "in_one_line",
    "is_out_of_gpu_memory",
    "is_worker_death",
    "names_lost_node",
    "reason_of",
    "report_fault",
    "tries_again",
]

WORKER_DIED = "its worker died"
"""The reason where nothing more is known."""
_MOST_LOSSES = 5
"""A trial that loses so many nodes without a new epoch in between counts as failed: it may be what ends them."""
_OUT_OF_GPU_MEMORY = re.compile(
    r"torch(\.cuda)?\.OutOfMemoryError|(CUDA|HIP)( error:)? out of memory|CU(BLAS|DNN)_STATUS_ALLOC_FAILED"
)

_OWN_CLASS = re.compile(r"^xoresnet\.errors\.\w+: ")


def report_fault(report: Mapping[str, Any], step_metric: str, metrics: Iterable[str]) -> str:
    """What is wrong with a report; empty if nothing is. It must have a step and a finite number for each metric.

    >>> report_fault({"epoch": 2, "accuracy": float("nan")}, "epoch", ["accuracy"])
    'accuracy is nan at epoch 2'
    """
    step = report.get(step_metric)
    if isinstance(step, bool) or not isinstance(step, int) or step < 1:
        return f"it reported {step_metric}={step!r}, which must be a whole number of at least 1"
    for name in metrics:
        if name not in report:
            return f"it did not report {name} at {step_metric} {step}"
        value = report[name]
        try:
            number = float(value)
        except (TypeError, ValueError):
            return f"it reported {name}={value!r} at {step_metric} {step}, which is not a number"
        if not math.isfinite(number):
            return f"{name} is {number} at {step_metric} {step}"
    return ""


def reason_of(error_text: str) -> str:
    """Why a trial failed, from the text that Ray wrote of it: the exception that was raised, without Ray's wrapping.

    Errors of this library are whole sentences, and their class is left out; that of others says what they mean.
    """
    return _OWN_CLASS.sub("", in_one_line(_last_error(error_text))) or WORKER_DIED


def is_worker_death(error_text: str) -> bool:
    """Whether a trial ended because its worker died or cannot be reached, not because it raised; from Ray's text."""
    error = _last_error(error_text)
    return error.startswith("The actor ") and "raised in its creation task" not in error


def names_lost_node(error_text: str) -> bool:
    """Whether Ray itself says of a worker's death that the whole node has died. It does not while it does not know."""
    return is_worker_death(error_text) and "its node has died" in _last_error(error_text)


def is_out_of_gpu_memory(reason: str) -> bool:
    """Whether a trial failed for lack of GPU memory.

    >>> is_out_of_gpu_memory("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.")
    True
    >>> is_out_of_gpu_memory("MemoryError: Unable to allocate 32.0 GiB")
    False
    """
    return bool(_OUT_OF_GPU_MEMORY.search(reason))


def _last_error(error_text: str) -> str:
    return error_text.rpartition("Failure #")[2].partition("\n")[2]


def in_one_line(text: str) -> str:
    r"""The line of an error's text that says what happened: the last one after a traceback, otherwise the first.

    >>> in_one_line("Traceback (most recent call last):\n  File 'a.py', line 1\nValueError: no such merge")
    'ValueError: no such merge'
    """
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines() if line.strip()]
    has_traceback = any(line.startswith(("Traceback", "ray::", "File ")) for line in lines)
    return (lines or [""])[-1 if has_traceback else 0][:500]


def tries_again(trial: Trial, reason: str, retries: int) -> bool:
    """Decide whether a trial that failed for this reason is tried again, and write the reason into its record.

    A trial is tried again as long as it was retried fewer than `retries` times.
    """
    if len(TrialRecord.of(trial).retried) < retries:
        write_retry(trial, reason)
        return True
    write_failure(trial, reason)
    return False


def goes_on_elsewhere(trial: Trial, reason: str) -> bool:
    """Decide whether a trial that lost its node for this reason goes on, and write the reason into its record.

    That costs no retry, but a trial that loses node after node without a new epoch has failed.
    """
    write_given_back(trial, reason)
    record = TrialRecord.of(trial)
    times = sum(step == record.last_step for step, _ in record.given_back)
    if times < _MOST_LOSSES:
        return True
    write_failure(trial, f"it lost its node {times} times without a new epoch, the last time because {reason}")
    return False
