"""`CurveTable`: networks whose learning curves are known, and the proposals of a search over them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import cached_property
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from optuna.study import Study
from optuna.trial import Trial

from xoresnet.errors import UsageError
from xoresnet.plain_text import shown
from xoresnet.search.objective import Objective
from xoresnet.search.sources.proposals import Proposals, Recognised
from xoresnet.search.strategy.progress import Array, Key, Params, key_of
from xoresnet.search.study.attributes import ARCH, ARCH_ID, RECIPE
from xoresnet.search.study.trials import TrialRecord

__all__ = ["CurveTable", "TableProposals"]

_CONFIG = "config."
_NEEDED = ("network", "epoch")


class CurveTable:
    """A table of learning curves, checked and indexed; a `Candidates` of its networks."""

    def __init__(self, table: pd.DataFrame, objectives: Sequence[Objective]) -> None:
        """table: as for `simulate`. Raises `UsageError` for a table that is not as described there."""
        metrics = [objective.metric for objective in objectives]
        _check_columns(table, metrics)
        rows = table.sort_values(["network", "epoch"], kind="stable")
        sizes = rows.groupby("network", sort=False).size()
        self.epochs = int(rows["epoch"].max())
        """Epochs of a full training."""
        expected = np.tile(np.arange(1, self.epochs + 1), len(sizes))
        if len(rows) != len(expected) or (rows["epoch"].to_numpy() != expected).any():
            odd = [f"network {label!r} has {size} rows" for label, size in sizes.items() if size != self.epochs]
            which = odd[0] if odd else "an epoch is missing or occurs twice"
            which += "; keep the rows of one seed" if "seed" in table else ""
            raise UsageError(f"table: every network needs one row for each epoch from 1 to {self.epochs}; {which}")
        self.labels: list[Any] = list(sizes.index)
        shape = len(self.labels), self.epochs
        self.curves: Array = np.stack([rows[name].to_numpy(np.float64).reshape(shape) for name in metrics], axis=-1)
        """`[networks, epochs, objectives]`"""
        if not np.isfinite(self.curves).all():
            raise UsageError(f"table: the columns {', '.join(metrics)} must hold finite numbers only")
        self.has_seconds = "seconds" in rows
        self.seconds: Array = (
            pd.to_numeric(rows["seconds"], errors="coerce").to_numpy(np.float64).reshape(shape)
            if self.has_seconds
            else np.ones(shape)
        )
        """`[networks, epochs]`: how long each epoch takes; 1 where the table does not say it."""
        if not (np.isfinite(self.seconds) & (self.seconds >= 0)).all():
            raise UsageError("table: the column seconds must hold finite numbers of at least 0")
        configs = [name for name in rows if str(name).startswith(_CONFIG)]
        changing = rows.groupby("network", sort=False)[configs].nunique(dropna=False).gt(1).any()
        if changing.any():
            raise UsageError(f"table: {changing.idxmax()} must be the same in all rows of a network")
        self.params = _parameters(rows.iloc[:: self.epochs])
        self._rows = {key_of(params): row for row, params in enumerate(self.params)}
        if len(self._rows) < len(self.params):
            raise UsageError("table: two networks have the same config columns")

    def check_chance(self, chance: float | None, objectives: Sequence[Objective]) -> None:
        """Raises `UsageError` for a level of guessing that no accuracy of the table exceeds."""
        if chance is None:
            return
        if isinstance(chance, bool) or not isinstance(chance, Real):
            raise UsageError(f"chance must be a number, got {chance!r}")
        for place, objective in enumerate(objectives):
            most = self.curves[..., place].max()
            if objective.is_accuracy and not (0 <= chance < most and (most <= 1 or chance == 0 or chance >= 1)):
                raise UsageError(f"chance must be on the scale of {objective.metric}, up to {most:g}, got {chance!r}")

    @cached_property
    def options(self) -> dict[str, list[Any]]:
        """The values of each parameter, in order."""
        names = dict.fromkeys(name for params in self.params for name in params)
        return {name: _sorted({params[name] for params in self.params if name in params}) for name in names}

    def row_of(self, params: Params) -> int | None:
        """The row of a network; None if the table does not have it."""
        return self._rows.get(key_of(params))

    def by_params(self, predictions: pd.DataFrame, objectives: Sequence[Objective]) -> dict[Key, Array]:
        """The predictions for networks of the table, `[objectives]`, by their parameters. Raises `UsageError`."""
        if not isinstance(predictions, pd.DataFrame):
            raise UsageError(f"predictions: must be a pandas DataFrame, got {type(predictions).__name__}")
        for name in ("network", *(objective.metric for objective in objectives)):
            if name not in predictions:
                raise UsageError(f"predictions: has no column {name!r}")
        places = {label: row for row, label in enumerate(self.labels)}
        values = predictions[[objective.metric for objective in objectives]].to_numpy(np.float64)
        return {
            self._keys[places[label]]: row
            for label, row in zip(predictions["network"], values, strict=True)
            if label in places
        }

    def random(self, seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        rng = np.random.default_rng(seed)
        if len(seen) + 8 * count < len(self.params):  # a few draws find unseen ones
            tries = rng.integers(len(self.params), size=4 * count)
            drawn = list(dict.fromkeys(int(row) for row in tries if self._keys[row] not in seen))
            if len(drawn) >= count:
                return [self.params[row] for row in drawn[:count]]
        left = np.array([row for row, key in enumerate(self._keys) if key not in seen], dtype=np.int64)
        return [self.params[row] for row in rng.permutation(left)[:count]]

    @cached_property
    def _keys(self) -> list[Key]:
        return list(self._rows)

    def mutants(self, parents: Sequence[Params], seen: frozenset[Key], count: int, seed: int) -> Sequence[Params]:
        rng = np.random.default_rng([seed, 1])
        names = list(self.options)
        tries = max(4 * count, 20)
        chosen = rng.integers(len(parents), size=tries).tolist()
        fields, values = rng.integers(len(names), size=(tries, 2)).tolist(), rng.random((tries, 2)).tolist()
        twice = (rng.random(tries) < 0.5).tolist()
        drawn: dict[int, None] = {}
        for number in range(tries):
            mutant = dict(parents[chosen[number]])
            for place in range(1 + twice[number]):
                name = names[fields[number][place]]
                options = self.options[name]
                mutant[name] = options[int(values[number][place] * len(options))]
            row = self._rows.get(key_of(mutant))
            if row is not None and self._keys[row] not in seen:
                drawn[row] = None
            if len(drawn) == count:
                break
        return [self.params[row] for row in drawn]

    def known(self, seen: frozenset[Key]) -> Mapping[str, Params]:
        return {}


class TableProposals(Proposals):
    """Trials of the networks of a table."""

    def __init__(self, study: Study, table: CurveTable, *, seed: int, ask_sampler: bool) -> None:
        self._table = table
        super().__init__(study, seed=seed, ask_sampler=ask_sampler)

    def _key(self, trial: TrialRecord) -> Hashable:
        return trial.arch_id

    def _recognise(self, trial: Trial) -> Recognised:
        params = {name: trial.suggest_categorical(name, values) for name, values in self._table.options.items()}
        row = self._table.row_of(params)
        label = str(row)
        for name, value in ((RECIPE, ""), (ARCH, label), (ARCH_ID, label)):
            trial.set_user_attr(name, value)
        return Recognised(label, "" if row is not None else "not in the table")

    def _untried(self) -> Params | None:
        seen = frozenset(key_of(self._table.params[int(str(key))]) for key in self._tried if str(key) != "None")
        drawn = self._table.random(seen, 1, self._rng.randrange(2**31))
        return drawn[0] if drawn else None

    def config(self, trial: Trial) -> dict[str, Any]:
        return {"row": int(TrialRecord.of(trial).arch_id)}

    def last_step(self, trial: Trial) -> int:
        return self._table.epochs


def _check_columns(table: pd.DataFrame, metrics: Sequence[str]) -> None:
    if not isinstance(table, pd.DataFrame):
        raise UsageError(f"table: must be a pandas DataFrame, got {type(table).__name__}")
    missing = [name for name in (*_NEEDED, *metrics) if name not in table]
    if missing:
        raise UsageError(
            f"table: has no column {shown(missing[0])}; its columns are {', '.join(map(str, table.columns))}"
        )
    if not any(str(name).startswith(_CONFIG) for name in table):
        raise UsageError(f"table: needs a column {_CONFIG}<parameter> for each parameter of the networks")
    if table.empty:
        raise UsageError("table: has no rows")


def _parameters(rows: pd.DataFrame) -> list[Params]:
    """The parameters of each network, as Python's own values; missing ones are None."""
    names = [str(name) for name in rows if str(name).startswith(_CONFIG)]
    records = rows[names].astype(object).where(rows[names].notna(), None).to_dict("records")
    return [
        {
            str(name).removeprefix(_CONFIG): value.item() if hasattr(value, "item") else value
            for name, value in record.items()
        }
        for record in records
    ]


def _sorted(values: set[Any]) -> list[Any]:
    numbers = all(isinstance(value, Real) for value in values)
    return sorted(values) if numbers else sorted(values, key=str)
