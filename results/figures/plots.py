"""`run.plot`: every figure of a run in one call, interactive or for a paper.

run.plot.front()                                   # plotly, shown by the notebook that it is returned to
run.plot.front(highlight=[3, "3f9c2a1b"], title="XOR pays")
run.plot.front(objectives=["accuracy", "energy"])
run.plot.curves(backend="matplotlib").savefig("curves.pdf")
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, Protocol, overload

from xoresnet.description.schema import nearest
from xoresnet.errors import UsageError
from xoresnet.measures.metrics import Direction
from xoresnet.plain_text import shown
from xoresnet.results.figures import FIGURES
from xoresnet.results.figures.kit.heading import heading
from xoresnet.results.figures.kit.paper import set_title
from xoresnet.results.figures.kit.theme import bare_figure
from xoresnet.results.tables.loading import RunTables

if TYPE_CHECKING:
    import matplotlib.figure
    from plotly.graph_objects import Figure

__all__ = ["Plots"]

Backend = Literal["plotly", "matplotlib"]
Theme = Literal["light", "dark"]
SomeObjectives = Mapping[str, Direction] | Sequence[str]
Trials = int | str | Sequence[int | str]


class _Plot(Protocol):
    """What each method takes; `options` are those that only some figures have, such as `highlight`."""

    @overload
    def __call__(
        self,
        *,
        objectives: SomeObjectives | None = ...,
        title: str | None = ...,
        theme: Theme = ...,
        backend: Literal["plotly"] = ...,
        **options: Any,
    ) -> Figure: ...

    @overload
    def __call__(
        self,
        *,
        objectives: SomeObjectives | None = ...,
        title: str | None = ...,
        backend: Literal["matplotlib"],
        **options: Any,
    ) -> matplotlib.figure.Figure: ...


class _Method(Protocol):
    """A method of `Plots` as type checkers see it: what it returns depends on the backend."""

    @overload
    def __get__(self, instance: None, owner: type[Any]) -> Callable[..., Any]: ...

    @overload
    def __get__(self, instance: object, owner: type[Any]) -> _Plot: ...


def _plot(method: Callable[..., Any]) -> _Method:
    typed: Any = method
    checked: _Method = typed
    return checked


class Plots:
    """The figures of a run, one method each.

    Each returns a plotly figure, which a notebook shows, or with `backend="matplotlib"` a static one as wide as a
    column of a paper. A figure without content says why there is none.

    All methods take, by name only:

    - objectives: metrics in place of the run's objectives, `["accuracy", "energy"]`, or a mapping to their directions.
    - title: a text above the figure, `""` for none. By default plotly's figures name themselves, the run and its data;
      those for a paper have no title.
    - theme: `light` or `dark`, for plotly.
    - backend: `plotly` or `matplotlib`.

    Some also take highlight: trials to point out, by their numbers or by the ids of their networks.
    """

    def __init__(self, run: RunTables) -> None:
        self._run = run

    @_plot
    def front(
        self,
        *,
        objectives: SomeObjectives | None = None,
        highlight: Trials = (),
        searched: bool = False,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """The front: the first two objectives of every network, known networks by name, and the knee.

        searched: show the search's figures in any case. By default, once the whole front is confirmed, it is that of
        the means on the test set, with the search's figures behind.
        """
        options = {"highlight": self._trials(highlight), "searched": searched}
        return self._drawn("front", objectives, title, theme, backend, **options)

    @_plot
    def confirmed(
        self,
        *,
        objectives: SomeObjectives | None = None,
        highlight: Trials = (),
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Confirmed networks on the test set: mean and spread over seeds, and what the search measured."""
        return self._drawn("confirmed", objectives, title, theme, backend, highlight=self._trials(highlight))

    @_plot
    def hypervolume(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """The hypervolume of the front after each trial and over time."""
        return self._drawn("hypervolume", objectives, title, theme, backend)

    @_plot
    def curves(
        self,
        *,
        objectives: SomeObjectives | None = None,
        highlight: Trials = (),
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Learning curves: the first objective after each epoch; stopped trials end with a cross."""
        return self._drawn("curves", objectives, title, theme, backend, highlight=self._trials(highlight))

    @_plot
    def one_change(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """What `xoresnet ablate` has measured: one field changed at a time, on several seeds, with intervals."""
        return self._drawn("one_change", objectives, title, theme, backend)

    @_plot
    def ablation(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """The effect of merge, XOR placement, time steps and depth, all else equal, with intervals."""
        return self._drawn("ablation", objectives, title, theme, backend)

    @_plot
    def rates(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Firing rates of every neuron layer of the networks on the front."""
        return self._drawn("rates", objectives, title, theme, backend)

    @_plot
    def parallel(
        self,
        *,
        objectives: SomeObjectives | None = None,
        highlight: Trials = (),
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Parallel coordinates: a line per complete trial through its parameters and objectives."""
        return self._drawn("parallel", objectives, title, theme, backend, highlight=self._trials(highlight))

    @_plot
    def importance(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Which parameters determine each objective: permutation importance of a random forest."""
        return self._drawn("importance", objectives, title, theme, backend)

    @_plot
    def predicted(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Predictions of shared weights against the measured results of the same networks."""
        return self._drawn("predicted", objectives, title, theme, backend)

    @_plot
    def timeline(
        self,
        *,
        objectives: SomeObjectives | None = None,
        title: str | None = None,
        theme: Theme = "light",
        backend: Backend = "plotly",
    ) -> Any:
        """Which worker trained which trial, and when."""
        return self._drawn("timeline", objectives, title, theme, backend)

    def __getattr__(self, name: str) -> _Plot:
        """Figures that have no method of their own here. Raises `AttributeError` with the nearest name."""
        if name.startswith("_") or name not in FIGURES:
            raise AttributeError(f"there is no figure {name!r}{nearest(name, FIGURES)}")

        def plot(
            *,
            objectives: SomeObjectives | None = None,
            title: str | None = None,
            theme: Theme = "light",
            backend: Backend = "plotly",
        ) -> Any:
            return self._drawn(name, objectives, title, theme, backend)

        plot.__doc__ = FIGURES[name].reading
        known: Any = plot
        method: _Plot = known
        return method

    def __dir__(self) -> list[str]:
        return list(FIGURES)

    def __repr__(self) -> str:
        width = max(map(len, FIGURES))
        lines = (f"  .{name + '()':{width + 2}}  {kind.title}" for name, kind in FIGURES.items())
        return "\n".join(["Figures, plotly by default, for a paper with backend='matplotlib':", *lines])

    def _drawn(
        self,
        name: str,
        objectives: SomeObjectives | None,
        title: str | None,
        theme: str,
        backend: str,
        **options: Any,
    ) -> Any:
        _check("backend", backend, ("plotly", "matplotlib"))
        _check("theme", theme, ("light", "dark"))
        run = self._run if objectives is None else self._run.with_objectives(objectives)
        kind = FIGURES[name]
        info = kind.info(run, **{option: value for option, value in options.items() if value})
        if backend == "matplotlib":
            return set_title(kind.drawing(info), title or "")
        return bare_figure(kind.plot(info), heading(kind.title_of(info), run) if title is None else title, theme)

    def _trials(self, highlight: Trials) -> tuple[int, ...]:
        """The numbers of trials. Raises `UsageError` for a trial that the run does not have."""
        wanted: list[Any] = [highlight] if isinstance(highlight, int | str | Integral) else list(highlight)
        trials = self._run.trials
        numbers: list[int] = []
        for one in wanted:
            column = "arch_id" if isinstance(one, str) else "trial_id"
            found = trials.loc[trials[column] == one, "trial_id"]
            if found.empty:
                raise UsageError(f"highlight: the run has no trial {shown(one)}; give numbers or ids of networks")
            numbers += map(int, found)
        return tuple(dict.fromkeys(numbers))


def _check(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UsageError(f"{name} must be {' or '.join(known)}, got {shown(value)}{nearest(str(value), known)}")
