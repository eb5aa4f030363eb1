"""What the latest records of a study tell of its cluster; how many trials the study has does not matter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from optuna.study import Study
from optuna.trial import TrialState

from xoresnet.results.analysis.activity import Activity, Report, activity, report_of
from xoresnet.search.pruning.reports import RECORD, steps_of
from xoresnet.search.study.read_trials import ReadTrial
from xoresnet.search.study.trials import TrialRecord, own_trials

__all__ = ["WINDOW_SECONDS", "Reasons", "failure_reasons", "recent_activity", "reports_since"]

WINDOW_SECONDS = 600.0
"""The length of the window, where the search has been running for so long."""
_OLDER = 100
"""How many trials in a row, the latest first, may have nothing in the window before the search for more ends: records
come in the order in which the driver got them, with the time of their workers, whose clocks may differ."""


class Reasons(NamedTuple):
    """Reasons of failures, one for each time."""

    failed: list[str]
    """Of trials that have failed for good."""
    retried: list[str]
    """Of trials that were tried again."""
    given_back: list[str]
    """Of trials that went on elsewhere, because their node was lost or about to leave."""


def recent_activity(study: Study, since: float, now: float | None) -> Activity | None:
    """What was reported in the last ten minutes; None if nothing was ever reported.

    since: when the search was begun or continued, in seconds since 1970; the window does not begin earlier. now: its
    end; None for the last report, in a search that is over, whose beginning may then be unknown (`since` is later).
    Only records within the window are read, and the last one of each running trial.
    """
    trials = own_trials(study)
    running = {trial.number for trial in trials if trial.is_running} if now is not None else set()
    ordered = sorted(trials, key=_place, reverse=True)
    last = [report.reported for trial in ordered[:_OLDER] for report in islice(_last_first(trial), 1)]
    if not last:
        return None
    end = max(last) if now is None else now
    begin = max(end - WINDOW_SECONDS, since if since < end else 0.0)
    of_running = (next(_last_first(trial), None) for trial in trials if trial.number in running)
    silent = [report for report in of_running if report is not None and since <= report.reported < begin]
    return activity(chain(_within(ordered, begin), silent), begin, end, running)


def reports_since(trial: TrialRecord, step: int) -> list[Report]:
    """The reports of a trial after a step, the last one first."""
    steps = [each for each in steps_of(trial.attributes) if each > step]
    found = (report_of(trial.number, trial.attributes.get(f"{RECORD}{each}", {})) for each in reversed(steps))
    return [report for report in found if report is not None]


def failure_reasons(trials: Iterable[TrialRecord]) -> Reasons:
    """Why trials have failed, and why trials were tried again; those that were only answered are left out."""
    reasons = Reasons([], [], [])
    for trial in trials:
        if trial.is_answered:
            continue
        reasons.retried.extend(trial.retried)
        reasons.given_back.extend(reason for _, reason in trial.given_back)
        if trial.state == TrialState.FAIL:
            reasons.failed.append(trial.failure or "unknown reason")
    return reasons


def _place(trial: TrialRecord) -> float:
    """Grows with the time of a trial's last record."""
    if isinstance(trial.trial, ReadTrial):
        return float(trial.trial.last_place)
    last = max(steps_of(trial.attributes), default=0)
    return float(trial.attributes.get(f"{RECORD}{last}", {}).get("timestamp", 0.0))


def _last_first(trial: TrialRecord) -> Iterator[Report]:
    """The reports of a trial, read as they are asked for."""
    for step in reversed(steps_of(trial.attributes)):
        report = report_of(trial.number, trial.attributes.get(f"{RECORD}{step}", {}))
        if report is None:
            return
        yield report


def _within(ordered: Iterable[TrialRecord], begin: float) -> Iterator[Report]:
    """The reports since a moment; ordered: trials by their last record, the latest first."""
    older = 0
    for trial in ordered:
        older += 1
        for report in _last_first(trial):
            if report.reported < begin:
                break
            older = 0
            yield report
        if older > _OLDER:
            return
