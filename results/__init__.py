"""What came out of a search: its tables in pandas, pure functions over them, figures and a report.

    from xoresnet.results import load, report

    run = load("runs/digits")  # .trials .history .layers .front .config .environment
    run.leaderboard()
    run.best(max_spikes=2000)
    run.plot.front()  # and every other figure
    report("runs/digits")  # runs/digits/report.html

Names are imported when they are first used.
"""

from typing import TYPE_CHECKING

from xoresnet.errors import RunError as RunError
from xoresnet.lazy import lazily

if TYPE_CHECKING:
    from xoresnet.results.analysis.ablation import ablation as ablation
    from xoresnet.results.analysis.confirmation import confirmed_networks as confirmed_networks
    from xoresnet.results.analysis.confirmation import ranking_kept as ranking_kept
    from xoresnet.results.analysis.effects import paired_effects as paired_effects
    from xoresnet.results.analysis.findings import findings as findings
    from xoresnet.results.analysis.importance import importance as importance
    from xoresnet.results.analysis.leaderboard import leaderboard as leaderboard
    from xoresnet.results.analysis.prediction import predicted_and_measured as predicted_and_measured
    from xoresnet.results.analysis.prediction import prediction_quality as prediction_quality
    from xoresnet.results.figures import FIGURES as FIGURES
    from xoresnet.results.figures.write import write_figures as write_figures
    from xoresnet.results.fronts.attainment import attainment as attainment
    from xoresnet.results.fronts.comparison import compare as compare
    from xoresnet.results.fronts.hypervolume import hypervolume as hypervolume
    from xoresnet.results.fronts.hypervolume import hypervolume_over_time as hypervolume_over_time
    from xoresnet.results.fronts.hypervolume import reference_point as reference_point
    from xoresnet.results.fronts.objectives import OBJECTIVES as OBJECTIVES
    from xoresnet.results.fronts.objectives import losses as losses
    from xoresnet.results.fronts.pareto import is_pareto as is_pareto
    from xoresnet.results.fronts.pareto import pareto_front as pareto_front
    from xoresnet.results.fronts.selection import best as best
    from xoresnet.results.fronts.selection import knee as knee
    from xoresnet.results.page.writer import report as report
    from xoresnet.results.run import Run as Run
    from xoresnet.results.run import load as load
    from xoresnet.results.tables.comparisons import comparisons as comparisons
    from xoresnet.results.tables.loading import Runs as Runs
    from xoresnet.results.tables.loading import load_ablation as load_ablation
    from xoresnet.results.tables.loading import load_many as load_many

_HOMES = {
    "FIGURES": "figures",
    "OBJECTIVES": "fronts.objectives",
    "Run": "run",
    "Runs": "tables.loading",
    "ablation": "analysis.ablation",
    "attainment": "fronts.attainment",
    "best": "fronts.selection",
    "compare": "fronts.comparison",
    "comparisons": "tables.comparisons",
    "confirmed_networks": "analysis.confirmation",
    "findings": "analysis.findings",
    "hypervolume": "fronts.hypervolume",
    "hypervolume_over_time": "fronts.hypervolume",
    "importance": "analysis.importance",
    "is_pareto": "fronts.pareto",
    "leaderboard": "analysis.leaderboard",
    "knee": "fronts.selection",
    "load": "run",
    "load_ablation": "tables.loading",
    "load_many": "tables.loading",
    "losses": "fronts.objectives",
    "paired_effects": "analysis.effects",
    "pareto_front": "fronts.pareto",
    "predicted_and_measured": "analysis.prediction",
    "prediction_quality": "analysis.prediction",
    "ranking_kept": "analysis.confirmation",
    "reference_point": "fronts.hypervolume",
    "report": "page.writer",
    "write_figures": "figures.write",
}

__all__ = sorted([*_HOMES, "RunError"])

__getattr__, __dir__ = lazily(__name__, _HOMES)
