"""`xoresnet front`: the front of a run as a table, as CSV and as JSON."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pytest

from tests.results.made_runs import empty_run, run_of, trial, write_run
from tests.search.command_line import xoresnet

ROWS = [
    trial(0, 0.5, 100, config_merge="or/oa/add", config_xor="middle"),
    trial(1, 0.9, 5000, source="xoresnet8"),
    trial(2, 0.8, 1000, source="runs/old:3"),
    trial(3, 0.7, 2000),
    trial(4, 0.95, 10, state="PRUNED"),
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(run_of(*ROWS), tmp_path / "run")


def shown(*words: str) -> list[list[str]]:
    result = xoresnet("front", *words)
    assert (result.code, result.err) == (0, "")
    return [re.split(r" {2,}", line.strip()) for line in result.out.splitlines()]


def ids(*words: str) -> list[int]:
    return [row["trial_id"] for row in xoresnet("front", "run", "--json", *words).json]


def test_the_table() -> None:
    assert shown("run") == [
        ["front: 3 networks"],
        ["trial", "arch_id", "val_accuracy", "spikes_per_sample", "params_count", "network"],
        ["0", "a0000", "50.00 %", "100", "100", "depth 8 width 8 T=2 or/oa/add xor middle"],
        ["2", "a0002", "80.00 %", "1,000", "102", "depth 8 width 8 T=2 or (runs/old:3)"],
        ["1", "a0001", "90.00 %", "5,000", "101", "depth 8 width 8 T=2 or (xoresnet8)"],
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", [0, 2, 1]),
        ("--sort spikes", [0, 2, 1]),
        ("--sort accuracy", [1, 2, 0]),
        ("--sort val_accuracy", [1, 2, 0]),
        ("--sort params", [0, 1, 2]),
        ("--sort trial", [0, 1, 2]),
        ("--sort config.merge", [2, 1, 0]),
        ("--max-spikes 1000", [0, 2]),
        ("--min-accuracy 0.8", [2, 1]),
        ("--max-spikes 1000 --min-accuracy 0.8", [2]),
        ("--max-spikes 10", []),
    ],
)
def test_order_and_limits(words: str, expected: list[int]) -> None:
    assert ids(*words.split()) == expected


def test_some_of_it_is_said_to_be_some() -> None:
    assert shown("run", "--min-accuracy", "0.8")[0] == ["front: 2 of 3 networks"]
    assert shown("run", "--max-spikes", "10") == [
        ["No network on the front is within these limits; the whole front has 3."]
    ]


def test_json_has_everything() -> None:
    row = xoresnet("front", "run", "--json").json[0]
    assert (row["trial_id"], row["arch_id"], row["val_accuracy"], row["state"]) == (0, "a0000", 0.5, "COMPLETE")
    assert row["config"]["merge"] == "or/oa/add"
    assert row["config"]["recipe.learning_rate"] == 0.01
    assert (row["source"], row["firing_rate"]) == (None, None)
    assert row["started"] == "2026-01-02T03:04:00+00:00"
    assert "neuron.tau" not in row["config"]


def test_csv_is_the_frame() -> None:
    result = xoresnet("front", "run", "--csv")
    assert result.code == 0
    frame = pd.read_csv(io.StringIO(result.out))
    assert list(frame["trial_id"]) == [0, 2, 1]
    assert list(frame["config.merge"]) == ["or/oa/add", "or", "or"]


def test_three_objectives() -> None:
    run = run_of(*ROWS, objectives={"val_accuracy": "max", "energy_pj_per_sample": "min", "train_seconds": "max"})
    write_run(run, Path("three"))
    assert shown("three")[1][2:5] == ["val_accuracy", "energy_pj_per_sample", "train_seconds"]


def test_by_url() -> None:
    assert shown(Path("run").absolute().as_uri()) == shown("run")


def test_nothing_complete_yet() -> None:
    write_run(empty_run(), Path("empty"))
    assert shown("empty") == [["No trial is complete yet."]]
    assert xoresnet("front", "empty", "--json").json == []


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nowhere", 1, "there is no folder nowhere"),
        ("empty", 1, "empty holds no search: it has no config.yaml"),
        ("training", 1, "training holds a training, not a search"),
        ("run --max-spikes -5", 2, "--max-spikes must be at least 0, got -5"),
        ("run --max-spikes nan", 2, "--max-spikes must be at least 0, got nan"),
        ("run --min-accuracy 90", 2, "--min-accuracy must lie between 0 and 1, got 90"),
        ("run --sort spiks", 2, "--sort: there is no column 'spiks'; did you mean 'spikes'?"),
        ("run --sort val_acuracy", 2, "--sort: there is no column 'val_acuracy'; did you mean 'val_accuracy'?"),
        ("run --csv --json", 2, "--csv and --json exclude each other"),
        ("run --max-spikes few", 2, "Invalid value for '--max-spikes': 'few' is not a valid float. (see *)"),
        ("run --max-spike 9", 2, "No such option '--max-spike'. Did you mean '--max-spikes'? (see *)"),
        ("", 2, "Missing argument 'RUN'. (see xoresnet front --help)"),
    ],
)
def test_mistakes(words: str, code: int, message: str) -> None:
    Path("empty").mkdir()
    Path("training").mkdir()
    Path("training/config.yaml").write_text("command: train\n")
    result = xoresnet("front", *words.split())
    assert result.is_refusal(code, message)
    assert result.out == ""


def test_damaged_tables() -> None:
    Path("run/trials.parquet").write_bytes(b"PAR1")
    assert xoresnet("front", "run").is_refusal(1, "run/trials.parquet is damaged: *")
