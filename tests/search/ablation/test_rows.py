"""An ablation whose journal is lost or damaged, repaired from its table."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.search.ablations import ablating, own_network
from tests.search.confirmations import carry_out, made_search
from xoresnet.errors import RunError
from xoresnet.results import load_ablation, paired_effects
from xoresnet.search.ablation.planning import plan_ablate
from xoresnet.search.repair import repair

OPTIONS: dict[str, Any] = {"values": {"merge": ["add", "or"], "xor": ["both"]}, "seeds": 2}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ablation of a front, and that of a network of one's own; only read."""
    place = tmp_path_factory.mktemp("made")
    made_search(place / "run")
    accuracy = (0.3 + 0.01 * number for number in range(100))
    with ablating(place / "run", with_front=True, **OPTIONS) as run:
        carry_out(run, accuracy=lambda number: next(accuracy))
        run.write_table()
    with ablating(place / "own", own_network(), **OPTIONS) as run:
        carry_out(run, accuracy=lambda number: next(accuracy))
        run.write_table()
    return place


def lose(journal: Path) -> None:
    journal.unlink()


def damage(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:6], b"{rubbish}\n", *lines[9:]]))


@pytest.mark.parametrize("harm", [lose, damage])
@pytest.mark.parametrize("name", ["run", "own"])
def test_a_journal_is_rebuilt_from_its_table(made: Path, tmp_path: Path, name: str, harm: Any) -> None:
    folder = Path(shutil.copytree(made / name, tmp_path / name))
    before = load_ablation(folder)
    options = {**OPTIONS, "with_front": True} if name == "run" else OPTIONS
    network = None if name == "run" else own_network()
    harm(folder / "ablation.journal")
    with pytest.raises(RunError, match=r"ablation.journal.*xoresnet repair "), ablating(folder, network, **options):
        pass
    repaired = repair(folder)
    assert any("ablation.journal" in fault for fault in repaired.faults)
    assert repaired.copies is not None
    assert (repaired.copies / "ablations.parquet").exists()
    assert plan_ablate(folder, network, **options).left() == []
    after = load_ablation(folder)
    keys = ["base_arch_id", "field", "value", "seed"]
    columns = [*keys, "base_trial_id", "base_source", "reference", "arch_id", "state", "test_accuracy", "val_accuracy"]
    pd.testing.assert_frame_equal(*(_sorted(table, keys)[columns] for table in (before, after)))
    pd.testing.assert_frame_equal(
        *(_sorted(paired_effects(table), ["base_arch_id", "field", "value", "metric"]) for table in (before, after))
    )
    assert repair(folder).faults == ()


def _sorted(table: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    return table.sort_values(keys, ignore_index=True)
