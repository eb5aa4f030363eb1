"""Failed trials: what is wrong with a report, the reason behind an error of Ray, and whether a trial is tried again."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from optuna.trial import Trial

from xoresnet.search.study.trials import TrialRecord, write_failure, write_retry

__all__ = ["WORKER_DIED", "in_one_line", "reason_of", "report_fault", "tries_again"]

WORKER_DIED = "its worker died"
"""The reason where nothing more is known."""


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
    """Why a trial failed, from the text that Ray wrote of it: the exception that was raised, without Ray's wrapping."""
    return in_one_line(error_text.rpartition("Failure #")[2].partition("\n")[2]) or WORKER_DIED


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
