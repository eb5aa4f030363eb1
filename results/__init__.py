"""What came out of a search: its tables in pandas, pure functions over them, figures and a report.

    from xoresnet.results import best, load, report

    run = load("runs/digits")  # .trials .history .layers .front .config .environment
    best(run.trials, max_spikes=2000)
    report("runs/digits")  # runs/digits/report.html

Names are imported when they are first used.
"""

from typing import TYPE_CHECKING

from xoresnet.lazy import lazily

if TYPE_CHECKING:
    from xoresnet.results.comparison import compare as compare
    from xoresnet.results.confirmation import confirmed_networks as confirmed_networks
    from xoresnet.results.confirmation import ranking_kept as ranking_kept
    from xoresnet.results.drawings import write_figures as write_figures
    from xoresnet.results.effects import ablation as ablation
    from xoresnet.results.importances import importance as importance
    from xoresnet.results.loading import Run as Run
    from xoresnet.results.loading import RunError as RunError
    from xoresnet.results.loading import Runs as Runs
    from xoresnet.results.loading import load as load
    from xoresnet.results.loading import load_many as load_many
    from xoresnet.results.objectives import OBJECTIVES as OBJECTIVES
    from xoresnet.results.objectives import losses as losses
    from xoresnet.results.page_writer import report as report
    from xoresnet.results.pareto import is_pareto as is_pareto
    from xoresnet.results.pareto import pareto_front as pareto_front
    from xoresnet.results.prediction import predicted_and_measured as predicted_and_measured
    from xoresnet.results.prediction import prediction_quality as prediction_quality
    from xoresnet.results.selection import best as best
    from xoresnet.results.selection import knee as knee
    from xoresnet.results.surfaces import attainment as attainment
    from xoresnet.results.volume import hypervolume as hypervolume
    from xoresnet.results.volume import hypervolume_over_time as hypervolume_over_time
    from xoresnet.results.volume import reference_point as reference_point

_HOMES = {
    "OBJECTIVES": "objectives",
    "Run": "loading",
    "RunError": "loading",
    "Runs": "loading",
    "ablation": "effects",
    "attainment": "surfaces",
    "best": "selection",
    "compare": "comparison",
    "confirmed_networks": "confirmation",
    "hypervolume": "volume",
    "hypervolume_over_time": "volume",
    "importance": "importances",
    "is_pareto": "pareto",
    "knee": "selection",
    "load": "loading",
    "load_many": "loading",
    "losses": "objectives",
    "pareto_front": "pareto",
    "predicted_and_measured": "prediction",
    "prediction_quality": "prediction",
    "ranking_kept": "confirmation",
    "reference_point": "volume",
    "report": "page_writer",
    "write_figures": "drawings",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = lazily(__name__, _HOMES)
