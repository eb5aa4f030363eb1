"""`Run`: a search as it is read, with its analysis and its figures as methods."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pandas as pd

from xoresnet.measures.metrics import Direction
from xoresnet.results.analysis.ablation import ablation
from xoresnet.results.analysis.findings import findings
from xoresnet.results.analysis.importance import importance
from xoresnet.results.analysis.leaderboard import leaderboard
from xoresnet.results.analysis.leading import leading_best, leading_knee
from xoresnet.results.figures.kit.axes import Axis, axis_of, drawable
from xoresnet.results.figures.plots import Plots
from xoresnet.results.figures.write import FORMATS, write_figures
from xoresnet.results.fronts.hypervolume import hypervolume, hypervolume_over_time, reference_point
from xoresnet.results.fronts.objectives import Objectives, eligible
from xoresnet.results.overview import overview_html, overview_text
from xoresnet.results.tables.loading import RunTables
from xoresnet.results.tables.loading import load as load_tables

__all__ = ["Run", "load"]


@dataclass(frozen=True, eq=False, repr=False)
class Run(RunTables):
    """A search: its tables as frames, its analysis and its figures as methods.

        run = load("runs/digits")
        run                            # in a notebook: what it is, its front and its best networks
        run.leaderboard()              # the best networks, a short frame
        run.knee(); run.best(max_spikes=2000)
        run.plot.front()               # and every other figure; `run.plot` lists them
        run.trials                     # everything, as a frame; also .front .history .layers .confirmed

    Once the whole front is confirmed, `leaderboard`, `knee` and `best` take the means of the confirmed trainings on the
    test set; until then the single trainings of the search. `front` and `trials` are always those of the search.
    """

    @property
    def plot(self) -> Plots:
        """The figures: `run.plot.front()`, `run.plot.curves()`, ...; `run.plot` itself lists them."""
        return Plots(self)

    def leaderboard(self, n: int | None = 10, *, by: str | None = None) -> pd.DataFrame:
        """The best n networks as a short frame: the front first, then the dominated ones, most accurate first.

        by: a metric by which all are ordered instead, such as `spikes`. `xoresnet.results.leaderboard` has the columns.
        """
        return leaderboard(self, n, by=by)

    def knee(self, objectives: Objectives | None = None, log: Collection[str] | None = None) -> pd.Series[Any]:
        """The best compromise: the row of the leading front from which improving either objective costs much.

        objectives: others than the run's; then the trials of the search count. log: objectives taken on log10, by
        default `spikes_per_sample`. Raises `UsageError` if the front is empty.
        """
        return leading_knee(self if objectives is None else self.with_objectives(objectives), log=log)

    def best(self, metric: str | None = None, direction: Direction | None = None, **limits: float) -> pd.Series[Any]:
        """The best network within limits: `best(max_spikes=2000)`, `best(min_accuracy=0.9)`, `best("energy", ...)`.

        metric: by default the accuracy, or the spikes if `min_accuracy` is the only limit. Where confirmed figures
        lead, accuracy and spikes mean those of the test set. Raises `UsageError` if no network is within the limits;
        the message names the closest one. `xoresnet.results.best` has the details.
        """
        return leading_best(self, metric, direction, **limits)

    def findings(self) -> pd.DataFrame:
        """The sentences at the top of the report with their numbers; `xoresnet.results.findings` has the columns."""
        return findings(self)

    def hypervolume(self, reference: Mapping[str, float] | None = None, log: Collection[str] | None = None) -> float:
        """The volume of objective space that the front of the search dominates; larger is better.

        By default as in the report: amounts such as spikes are taken on log10 and the reference point is a tenth of the
        range beyond the worst trial. Volumes are comparable only with the same reference and log, so give both to
        compare runs. 0 without complete trials.
        """
        drawn, chosen = self._drawn(log)
        if reference is None and drawn.empty:
            return 0.0
        known = reference_point(drawn, self.objectives, chosen) if reference is None else reference
        return hypervolume(drawn, self.objectives, known, chosen)

    def hypervolume_over_time(
        self,
        reference: Mapping[str, float] | None = None,
        log: Collection[str] | None = None,
        by: str = "trial_id",
    ) -> pd.DataFrame:
        """The hypervolume after each complete trial, columns `[by, hypervolume, front_size]`.

        by: `trial_id` or `ended`. reference, log: as in `hypervolume`.
        """
        drawn, chosen = self._drawn(log)
        if reference is None:
            reference = (
                reference_point(drawn, self.objectives, chosen) if len(drawn) else dict.fromkeys(self.objectives, 1.0)
            )
        return hypervolume_over_time(drawn, self.objectives, reference, chosen, by)

    def importance(self, *, seed: int = 0) -> pd.DataFrame:
        """Which parameters determine each objective, columns `[metric, parameter, importance, deviation]`.

        Raises `UsageError` for fewer than ten complete trials. `xoresnet.results.importance` has the definition.
        """
        return importance(self, seed=seed)

    def ablation(self, factor: str, metrics: Sequence[str] | None = None) -> pd.DataFrame:
        """What each value of a parameter does to the objectives: over all trials, and with all else equal.

        factor: `merge`, `xor`, `timesteps`, ... metrics: by default the objectives. Columns `[kind, metric, level,
        reference, scale, effect, low, high, count]`; `xoresnet.results.ablation` explains them.
        """
        return ablation(self, factor, metrics)

    def report(self, path: str | Path) -> Path:
        """Write the report, one HTML file that opens offline; returns its path."""
        # Jinja and plotly, which most sessions do not need
        from xoresnet.results.page.writer import report

        return report(self, path)

    def write_figures(self, folder: str | Path, formats: Sequence[str] = FORMATS) -> list[Path]:
        """Write every figure that has something to show for a paper; returns the paths."""
        return write_figures(self, folder, formats)

    def _drawn(self, log: Collection[str] | None) -> tuple[pd.DataFrame, Collection[str]]:
        """The complete trials that have a place on the axes, and the objectives taken on log10."""
        complete = self.trials[eligible(self.trials, self.objectives)]
        axes: list[Axis] = [axis_of(metric, complete) for metric in self.objectives]
        if log is not None:
            return complete, log
        return complete[drawable(complete, axes)], [axis.metric for axis in axes if axis.log]

    def __repr__(self) -> str:
        return overview_text(self)

    def _repr_html_(self) -> str:
        return overview_html(self)


def load(run: str | Path, *, frames: Mapping[str, pd.DataFrame] | None = None) -> Run:
    """Read a search from a local folder or from any address that pyarrow or fsspec supports (`s3://...`).

    A running search rewrites its tables after every finished trial; a large one at least whenever its duration has
    grown by a twentieth. Raises `RunError` if the folder holds no search, or if a file is damaged or was written by a
    newer version. frames: tables by name that are taken in place of the folder's, whose files are then not read.
    """
    tables = load_tables(run, frames=frames)
    return Run(**{field.name: getattr(tables, field.name) for field in fields(tables)})
