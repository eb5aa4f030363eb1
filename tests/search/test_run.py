"""Whole searches on real digits in a real Ray: killed at any moment, they go on."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.search.runs import SMALL, reported, search_words, status
from xoresnet import load_model
from xoresnet.description.arch import Arch
from xoresnet.results import load
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.pruning.reports import reports
from xoresnet.search.study.opening import look_at_study


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_stopped_at_any_moment_it_goes_on(number: signal.Signals, tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "search.py").write_text("raise RuntimeError('a file of the user')\n")  # breaks nothing
    process = subprocess.Popen(
        search_words("trials=12"), cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    for _ in range(1200):
        if reported(tmp_path) >= 10 or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode == 128 + number
        assert "to resume: xoresnet search small.yaml trials=12 --run run" in errors
    before = status(tmp_path)
    assert before["finished"] < 12
    if (tmp_path / "run" / "trials.parquet").exists():
        assert len(load(tmp_path / "run").trials) >= before["finished"]  # whole, whenever it was killed
    with claimed(tmp_path / "run"):
        second = subprocess.run(search_words("trials=12"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (second.returncode, second.stderr.count("another process is at work")) == (1, 1)
    changed = subprocess.run(search_words("epochs=2"), cwd=tmp_path, capture_output=True, text=True, check=False)
    assert changed.returncode == 2
    assert "holds another search: epochs was 8, is 2" in changed.stderr
    subprocess.run(search_words("trials=12"), cwd=tmp_path, capture_output=True, check=True, timeout=300)
    after = status(tmp_path)
    assert (after["finished"], after["failed"], after["running"]) == (12, 0, [])
    assert after["complete"] + after["pruned"] == 12
    known = {trial["trial_id"]: trial for trial in after["front"]}
    for trial in before["front"]:  # what was on record is as it was
        assert known.get(trial["trial_id"], trial) == trial
    for trial in after["front"]:
        (folder,) = (tmp_path / "run" / "trials").glob(f"{trial['trial_id']:04d}-*")
        assert Arch.load(folder / "arch.json").arch_id == trial["arch_id"]
        model = load_model(f"{tmp_path / 'run'}:{trial['trial_id']}")
        assert model.config is not None
        assert model.config.figures["val_accuracy"] == trial["val_accuracy"]
    check_tables(tmp_path / "run")


def check_tables(folder: Path) -> None:
    """They hold what the study does, value for value."""
    found = load(folder)
    saved = RunFolder(folder).saved_config()
    assert saved is not None
    study = look_at_study(saved, folder)
    assert study is not None
    trials = {trial.number: trial for trial in study.trials if trial.user_attrs.get("arch_id")}
    trials = {number: trial for number, trial in trials.items() if "duplicate_of" not in trial.user_attrs}
    assert list(found.trials["trial_id"]) == list(trials)
    for row in found.trials.to_dict("records"):
        trial = trials[row["trial_id"]]
        last = reports(trial)[row["epochs_trained"]]
        assert (row["state"], row["arch_id"]) == (trial.state.name, trial.user_attrs["arch_id"])
        assert [row["val_accuracy"], row["spikes_per_sample"]] == last
    for row in found.history.to_dict("records"):
        record = trials[row["trial_id"]].user_attrs[f"record:{row['epoch']}"]
        assert {name: row[name] for name in record if name in row} == {
            name: value for name, value in record.items() if name in row
        }
    complete = {number for number, trial in trials.items() if trial.state.name == "COMPLETE"}
    assert set(found.layers["trial_id"]) == complete
