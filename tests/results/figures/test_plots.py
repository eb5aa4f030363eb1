"""`run.plot`: every figure in one call."""

from __future__ import annotations

import inspect
import pydoc
from pathlib import Path

import pytest
from matplotlib.figure import Figure as Drawing
from plotly.graph_objects import Figure

from tests.results.made_runs import empty_run, run_of, trial, varied_run
from tests.results.trials import says
from xoresnet.results import FIGURES
from xoresnet.results.figures.kit.theme import TEMPLATES
from xoresnet.results.figures.plots import Plots


def test_it_lists_its_figures() -> None:
    plot = varied_run().plot
    assert dir(plot) == sorted(FIGURES)
    assert all(f".{name}()" in repr(plot) for name in FIGURES)
    text = pydoc.plain(pydoc.render_doc(Plots))
    assert all(f" {name}(" in text for name in FIGURES if name in vars(Plots))
    with pytest.raises(AttributeError, match=r"there is no figure 'fornt'; did you mean 'front'\?"):
        _ = plot.fornt


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_in_one_call(name: str) -> None:
    method = getattr(varied_run().plot, name)
    assert isinstance(method(), Figure)
    assert isinstance(method(backend="matplotlib"), Drawing)
    assert method.__doc__.rstrip().endswith(".")
    known = set(inspect.signature(method).parameters)
    assert known - {"highlight", "searched"} == {"objectives", "title", "theme", "backend"}


def test_a_figure_names_itself_the_run_and_its_data() -> None:
    run = run_of(trial(0), name="a<b", data={"name": "digits"})
    assert run.plot.front().layout.title.text == "<b>Front · a&lt;b, on digits</b>"
    assert run.plot.front(title="Mine").layout.title.text == "<b>Mine</b>"
    assert run.plot.front(title="").layout.title.text is None
    assert run.plot.front(backend="matplotlib").get_suptitle() == ""
    assert run.plot.front(backend="matplotlib", title="$5").get_suptitle() == r"\$5"


def test_a_title_has_room_below_the_toolbar() -> None:
    plot = varied_run().plot
    bare, titled = plot.front(title=""), plot.front()
    assert bare.layout.margin.t >= 30
    assert titled.layout.margin.t - bare.layout.margin.t == titled.layout.height - bare.layout.height > 20
    assert titled.layout.title.pad.t >= 30


def test_themes() -> None:
    figure = varied_run().plot.front(theme="dark")
    assert figure.layout.template.layout.paper_bgcolor == TEMPLATES["dark"]["layout"]["paper_bgcolor"]


def test_other_objectives() -> None:
    figure = varied_run().plot.front(objectives=["accuracy", "energy"])
    assert figure.layout.xaxis.title.text == "energy per sample on the test set (pJ)"


@pytest.mark.parametrize("name", ["front", "confirmed", "curves", "parallel"])
def test_highlighted_trials(name: str) -> None:
    run = varied_run()
    row = run.front.iloc[0]
    plot = getattr(run.plot, name)
    for wanted in (int(row["trial_id"]), [int(row["trial_id"])], row["arch_id"]):
        assert "highlighted" in {trace.name for trace in plot(highlight=wanted).data}
    assert "highlighted" not in {trace.name for trace in plot().data}
    drawing = plot(highlight=row["arch_id"], backend="matplotlib")
    legends = [*drawing.legends, *(axes.get_legend() for axes in drawing.axes)]
    assert any("highlighted" in [text.get_text() for text in legend.get_texts()] for legend in legends if legend)


def test_wrong_wishes_are_told_in_a_sentence() -> None:
    plot = varied_run().plot
    with says("backend must be plotly or matplotlib, got 'matplotlb'; did you mean 'matplotlib'?"):
        plot.front(backend="matplotlb")  # type: ignore[call-overload]
    with says("theme must be light or dark, got 'drak'; did you mean 'dark'?"):
        plot.front(theme="drak")  # type: ignore[call-overload]
    with says("highlight: the run has no trial 999; give numbers or ids of networks"):
        plot.front(highlight=999)
    with says("the frame has no column 'acuracy'; did you mean 'accuracy'?"):
        plot.front(objectives=["acuracy", "spikes"])


def test_notebooks_show_what_is_returned(tmp_path: Path) -> None:
    drawing = varied_run().plot.front(backend="matplotlib")
    png = drawing._repr_png_()  # type: ignore[attr-defined]  # what IPython calls
    assert png.startswith(b"\x89PNG")
    drawing.savefig(tmp_path / "front.pdf")
    assert (tmp_path / "front.pdf").read_bytes().startswith(b"%PDF")
    assert varied_run().plot.parallel().layout.width >= 700  # a narrow cell scrolls; its labels would meet


def test_nothing_to_show_is_said() -> None:
    figure = empty_run().plot.front()
    assert figure.layout.annotations[0].text == "No trial is complete yet."
