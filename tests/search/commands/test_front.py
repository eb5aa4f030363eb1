"""`xoresnet front`: the front of a run as a table, as CSV and as JSON."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.results.made_runs import confirming, empty_run, run_of, seed_of, trial, write_run
from tests.search.command_line import xoresnet

ROWS = [
    trial(0, 0.5, 100, config_merge="or/oa/add", config_xor="middle"),
    trial(1, 0.9, 5000, source="xoresnet8"),
    trial(2, 0.8, 1000, source="runs/old:3"),
    trial(3, 0.7, 2000),
    trial(4, 0.95, 10, state="PRUNED"),
]
OPTIMISTIC = (
    "These figures come from one training of each network and served to select the networks, so they are optimistic; "
    "no network of the front is confirmed on other seeds"
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(run_of(*ROWS), tmp_path / "run")


def shown(*words: str) -> list[list[str]]:
    result = xoresnet("front", *words)
    assert result.code == 0
    assert re.fullmatch(r"(note: run/confirm.journal lacks .*\n)?", result.err)  # a made-up confirmation has none
    return [re.split(r" {2,}", line.strip()) for line in result.out.splitlines()]


def ids(*words: str) -> list[int]:
    return [row["trial_id"] for row in xoresnet("front", "run", "--json", *words).json]


def test_the_table() -> None:
    *table, trust, command = shown("run")
    assert table == [
        ["front: 3 networks"],
        ["trial", "arch_id", "val_accuracy", "spikes_per_sample", "params_count", "network"],
        ["0", "a0000", "50.00 %", "100", "100", "depth 8 width 8 T=2 or/oa/add xor middle"],
        ["2", "a0002", "80.00 %", "1,000", "102", "depth 8 width 8 T=2 or (runs/old:3)"],
        ["1", "a0001", "90.00 %", "5,000", "101", "depth 8 width 8 T=2 or (xoresnet8)"],
    ]
    assert trust[0].startswith(f"{OPTIMISTIC}. ")
    assert command == ["to confirm them: xoresnet confirm run"]


@pytest.mark.parametrize("words", [[], ["--json"], ["--csv"], ["--searched"]])
def test_networks_no_better_than_guessing_are_no_success(words: list[str]) -> None:
    """The note is not part of what is piped on."""
    rows = [trial(number, 1 / 3, 100.0 + number) for number in range(3)]
    write_run(run_of(*rows, space={"arch": {"num_classes": 3}}), Path("chance"))
    result = xoresnet("front", "chance", *words)
    *_, note = result.err.splitlines()  # a made-up run has no journal
    assert note == (
        "note: No network is clearly better than guessing (33.33 % with 3 classes; the best has 33.33 % validation "
        "accuracy): search in a new folder with more epochs, smaller batches (recipe.batch_size) or another learning "
        "rate, and check that the labels fit the images."
    )
    assert "clearly better" not in result.out


def confirmed(*numbers: int) -> list[dict[str, Any]]:
    return [seed_of(ROWS[number], seed) for number in numbers for seed in (1, 2)]


def test_confirmed_figures_lead() -> None:
    """As soon as the whole front has them; trial 3, which the search finds dominated, is on theirs."""
    better = [seed_of(ROWS[3], seed, test_accuracy=0.95 + 0.01 * seed) for seed in (1, 2)]
    write_run(confirming(run_of(*ROWS), *confirmed(0, 1, 2), *better), Path("run"))
    assert shown("run") == [
        ["front: 3 networks; confirmed on the test set, mean ± standard deviation over seeds"],
        ["trial", "arch_id", "test_accuracy", "test_spikes_per_sample", "seeds", "params_count", "network"],
        ["0", "a0000", "48.50 ± 0.71 %", "103 ± 1.41", "2", "100", "depth 8 width 8 T=2 or/oa/add xor middle"],
        ["2", "a0002", "78.50 ± 0.71 %", "1,030 ± 14.1", "2", "102", "depth 8 width 8 T=2 or (runs/old:3)"],
        ["3", "a0003", "96.50 ± 0.71 %", "2,060 ± 28.3", "2", "103", "depth 8 width 8 T=2 or"],
    ]
    assert ids() == [0, 2, 3]
    assert ids("--sort", "accuracy") == [3, 2, 0]
    assert ids("--sort", "val_accuracy") == [2, 3, 0]  # of the search, by its full name
    assert ids("--max-spikes", "1000") == [0]  # of the means
    assert ids("--min-accuracy", "0.79") == [3]
    row = xoresnet("front", "run", "--json").json[0]
    assert (row["val_accuracy"], row["seeds"], row["config"]["merge"]) == (0.5, 2, "or/oa/add")
    assert row["test_accuracy_mean"] == pytest.approx(0.485)
    assert row["test_accuracy_std"] == pytest.approx(0.01 / 2**0.5)


def test_the_searchs_own() -> None:
    write_run(confirming(run_of(*ROWS), *confirmed(0, 1, 2)), Path("run"))
    assert ids("--searched") == [0, 2, 1]
    table = shown("run", "--searched")
    assert table[0][0].startswith("front: 3 networks of the search, 3 of them confirmed")
    assert table[1][2:7] == ["val_accuracy", "spikes_per_sample", "test_accuracy", "test_spikes_per_sample", "seeds"]
    assert table[2][2:7] == ["50.00 %", "100", "48.50 ± 0.71 %", "103 ± 1.41", "2"]


def test_a_front_that_is_confirmed_in_part() -> None:
    write_run(confirming(run_of(*ROWS), *confirmed(0)), Path("run"))
    table = shown("run")
    assert table[0][0].startswith("front: 3 networks of the search, 1 of them confirmed")
    assert table[2][4:7] == ["48.50 ± 0.71 %", "103 ± 1.41", "2"]
    assert table[3] == ["2", "a0002", "80.00 %", "1,000", "102", "depth 8 width 8 T=2 or (runs/old:3)"]
    assert table[-2][0].startswith("1 of the 3 networks of the search's front is confirmed on the test set (2 seeds")
    assert table[-1] == ["to confirm the rest: xoresnet confirm run"]


def test_a_known_network_that_was_only_confirmed() -> None:
    alone = {**trial(0, 0.6, 50.0), "trial_id": None, "arch_id": "b1", "source": "or-resnet8"}
    write_run(confirming(run_of(*ROWS), *confirmed(0, 1, 2), seed_of(alone)), Path("run"))
    assert shown("run")[2] == ["b1", "59.00 %", "51", "1", "100", "depth 8 width 8 T=2 or (or-resnet8)"]
    assert ids() == [None, 2, 1]


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
    url = Path("run").absolute().as_uri()
    assert shown(url)[:-1] == shown("run")[:-1]
    assert shown(url)[-1] == [f"to confirm them: xoresnet confirm {url}"]


def test_nothing_complete_yet() -> None:
    write_run(empty_run(), Path("empty"))
    assert shown("empty") == [["No trial is complete yet."]]
    result = xoresnet("front", "empty", "--json")
    assert (result.json, result.err) == ([], "note: No trial is complete yet.\n")
    result = xoresnet("front", "empty", "--csv")
    assert (len(result.out.splitlines()), result.err) == (1, "note: No trial is complete yet.\n")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nowhere", 2, "there is no folder nowhere"),
        ("empty", 2, "empty holds no search: it has no config.yaml"),
        ("training", 2, "training holds a training, not a search"),
        ("run --max-spikes -5", 2, "--max-spikes must be at least 0, got -5"),
        ("run --max-spikes nan", 2, "--max-spikes must be a number, got 'nan' (see *)"),
        ("run --min-accuracy 90", 2, "--min-accuracy must lie between 0 and 1, got 90"),
        ("run --sort spiks", 2, "--sort: there is no column 'spiks'; did you mean 'spikes'?"),
        ("run --sort val_acuracy", 2, "--sort: there is no column 'val_acuracy'; did you mean 'val_accuracy'?"),
        ("run --csv --json", 2, "--csv and --json exclude each other"),
        ("run --max-spikes few", 2, "--max-spikes must be a number, got 'few' (see *)"),
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
