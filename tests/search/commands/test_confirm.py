"""`xoresnet confirm` on a small real search: trained, measured, stopped, gone on with; and what it refuses."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from optuna.trial import FrozenTrial

from tests.search.command_line import Result, xoresnet
from tests.search.confirmations import carry_out, confirming, made_search
from tests.search.runs import XORESNET
from tests.search.views.test_search import fail, search_config, searching
from xoresnet import load_data, load_model
from xoresnet.measures.metrics import metric_of
from xoresnet.network.count_spikes import count_spikes
from xoresnet.results import Run, confirmed_networks, load, ranking_kept
from xoresnet.search.confirmation.confirming import ConfirmRun, confirm
from xoresnet.search.confirmation.study import CONFIRMATION
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, outcome
from xoresnet.search.folders.claim import claimed
from xoresnet.search.views.retraining import RetrainingView

pytestmark = pytest.mark.filterwarnings("ignore")
OR_RESNET8, PRUNED, FAILED = "or-resnet8", "7", "1"
"""Of `real_search`: a network that it did not try; trials of it."""


@pytest.fixture
def folder(real_confirmation: Path, tmp_path: Path) -> Path:
    """A copy, to be changed at will."""
    return Path(shutil.copytree(real_confirmation, tmp_path / "run"))


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def weights(folder: Path) -> set[str]:
    return {path.parent.name for path in (folder / "confirmed").glob("*/weights.safetensors")}


# what it comes to


def test_test_figures_are_those_of_the_weights(real_confirmation: Path) -> None:
    data = load_data("digits")
    images = data.test.open(by="confirm")
    inputs = data.normalise(images.images)
    kept = load(real_confirmation).confirmed.dropna(subset="weights")
    assert len(kept) == 4
    for row in kept.to_dict("records"):
        model = load_model(real_confirmation / row["weights"])
        net = model.net.eval()
        with torch.no_grad(), count_spikes(net) as counts:
            logits = net(inputs)
        assert row["test_accuracy"] == float((logits.argmax(1) == images.labels).double().mean())
        assert row["test_loss"] == pytest.approx(float(F.cross_entropy(logits, images.labels)), rel=1e-5)
        assert row["test_spikes_per_sample"] == pytest.approx(counts.spikes_per_sample, rel=1e-6)
        assert row["test_energy_pj_per_sample"] == pytest.approx(counts.energy_pj_per_sample, rel=1e-6)
        assert row["test_spikes_per_sample"] > 10
        assert model.config is not None
        assert model.config.figures["test_accuracy"] == row["test_accuracy"]
        assert model.config.figures["val_accuracy"] == row["val_accuracy"] != row["test_accuracy"]
        assert model.config.recipe is not None
        assert model.config.recipe.seed == row["seed"]


def test_the_networks_of_the_search_on_other_seeds(real_search: Path, real_confirmation: Path) -> None:
    run = load(real_confirmation)
    table = run.confirmed
    assert set(table["state"]) == {"COMPLETE"}
    assert set(table["seed"]) == {13, 14}
    assert set(run.trials["seed"]) == {12}
    trials = [*run.front["trial_id"], None]
    assert [None if pd.isna(number) else number for number in table["trial_id"]] == [*trials, *trials]
    assert list(table["source"].dropna()) == [OR_RESNET8] * 2
    assert set(table["config.recipe.learning_rate"]) == {0.02}  # each with its own
    searched = run.trials.set_index("trial_id")
    for row in table.dropna(subset="trial_id").to_dict("records"):
        assert row["arch_id"] == searched.loc[row["trial_id"], "arch_id"]
        assert row["val_accuracy"] != searched.loc[row["trial_id"], "val_accuracy"]


def test_the_search_is_as_it_was(real_search: Path, real_confirmation: Path) -> None:
    names = ["study.journal", "config.yaml", "environment.json", "history.parquet", "layers.parquet"]
    for name in names:
        assert (real_confirmation / name).read_bytes() == (real_search / name).read_bytes()
    before = [load(real_search), load(real_confirmation)]
    pd.testing.assert_frame_equal(before[0].front, before[1].front)
    assert not [name for name in before[1].trials if name.startswith("test_")]
    assert len(pd.read_csv(real_confirmation / "front.csv")) == len(before[0].front)


def test_the_best_seed_by_validation_keeps_its_weights(real_confirmation: Path) -> None:
    table = load(real_confirmation).confirmed
    for _, rows in table.groupby("arch_id"):
        assert len(rows) == 2
        assert rows["weights"].notna().sum() == 1
        assert pd.notna(rows.loc[rows["val_accuracy"].idxmax(), "weights"])
    assert weights(real_confirmation) == {Path(place).name for place in table["weights"].dropna()}
    assert {path.name for path in (real_confirmation / "confirmed").iterdir()} == weights(real_confirmation)
    assert not list((real_confirmation / "confirmed").rglob("checkpoint*"))
    assert not (real_confirmation / "ray").exists()


def test_what_is_printed(real_confirmation: Path) -> None:
    first, *lines = (line.rstrip() for line in (real_confirmation / "output.txt").read_text().splitlines())
    run_tables = load(real_confirmation)
    networks = confirmed_networks(run_tables)
    assert first == "4 networks on 2 seeds each"
    assert [line.split()[0] for line in lines[:8]] == [f"{number}/8" for number in range(1, 9)]
    assert sum(f" {OR_RESNET8} seed 1" in line for line in lines[:8]) == 2
    for row in run_tables.confirmed.to_dict("records"):
        figures = f"test accuracy {100 * row['test_accuracy']:.2f} %"
        assert sum(f" seed {row['seed']}  {figures}" in line for line in lines[:8]) == 1
    title, head, *rows, held, following = lines[8:]
    assert title == "test set: mean ± standard deviation over seeds; * = on the front of these networks"
    assert head.split() == ["trial", "arch_id", "test_accuracy", "test_spikes_per_sample", "seeds", "network"]
    assert len(rows) == len(networks) == 4
    for text, row in zip(rows, networks.to_dict("records"), strict=True):
        mean, deviation = 100 * row["test_accuracy_mean"], 100 * row["test_accuracy_std"]
        assert f"{row['arch_id']}  {'*' if row['is_pareto'] else ' '}  {mean:.2f} ± {deviation:.2f} %" in text
        assert text.startswith("  " if pd.isna(row["trial_id"]) else f"{row['trial_id']} ")
        assert text.endswith(f"({OR_RESNET8})") == pd.isna(row["trial_id"])
    tau = [
        f"{metric_of(name).short} {value:.2f}" for name, value in ranking_kept(networks, run_tables.objectives).items()
    ]
    assert held == f"Kendall's tau between the rankings of search and test: {', '.join(tau)} (1 = the same order)"
    run = str(real_confirmation)
    assert following == f"next: xoresnet report {run}; xoresnet export {run}"


def test_stopped_when_its_last_training_is_done_it_is_done(ray: None, folder: Path) -> None:
    def stop_with_the_last(confirmation: ConfirmRun) -> None:
        def stop(trial: FrozenTrial) -> None:
            if not confirmation.plan.left(confirmation.study):
                os.kill(os.getpid(), signal.SIGINT)

        confirmation.bridge.observers.append(stop)

    result = confirm(folder, seeds=1, epochs=1, wanted=[PRUNED], on_begin=stop_with_the_last)
    assert (result.ended, result.interrupted, result.failed) == ("all networks are confirmed", 0, False)


# the same command again, and other commands


def test_the_same_again_trains_nothing(folder: Path) -> None:
    before = contents(folder)
    result = xoresnet("confirm", str(folder), "--seeds", "2", "--baselines")
    assert (result.code, result.err) == (0, "")
    first, *rest = result.out.splitlines()
    assert first == "4 networks on 2 seeds each; 0 of 8 trainings left"
    assert [line.rstrip() for line in rest] == [
        line.rstrip() for line in before["output.txt"].decode().splitlines()[9:-1]
    ] + [f"next: xoresnet report {folder}; xoresnet export {folder}"]
    assert {name: text for name, text in contents(folder).items() if name != "confirm.journal"} == {
        name: text for name, text in before.items() if name != "confirm.journal"
    }


def test_as_json(folder: Path) -> None:
    result = xoresnet("confirm", str(folder), "--seeds", "2", "--json")
    assert (result.code, result.err) == (0, "")
    answer, networks = result.json, confirmed_networks(load(folder))
    assert set(answer) == {"run", "networks", "kendall_tau"}
    assert answer["run"] == str(folder)
    assert answer["kendall_tau"] == pytest.approx(ranking_kept(networks, load(folder).objectives))
    for printed, row in zip(answer["networks"], networks.to_dict("records"), strict=True):
        assert printed["test_accuracy_mean"] == pytest.approx(row["test_accuracy_mean"])
        assert printed["trial_id"] == (None if pd.isna(row["trial_id"]) else row["trial_id"])
        assert printed["config"]["merge"] == row["config.merge"]
        assert printed["is_pareto"] is row["is_pareto"]
        assert "seed" not in json.dumps(printed["config"])


@pytest.mark.parametrize(
    ("words", "networks", "left", "seeds"),
    [
        (["--seeds", "2", "--baselines"], 4, 0, [13, 14]),
        (["--seeds", "3"], 3, 3, [13, 14, 15]),
        (["--seeds", "1", "--pick", PRUNED, "--pick", "knee"], 2, 1, [13]),
        (["--seeds", "1", "--epochs", "1"], 3, 3, [13]),
    ],
)
def test_a_dry_run(folder: Path, words: list[str], networks: int, left: int, seeds: list[int]) -> None:
    before = contents(folder)
    result = xoresnet("confirm", str(folder), *words, "--dry-run")
    plan = xoresnet("confirm", str(folder), *words, "--dry-run", "--json").json
    assert contents(folder) == before
    assert (result.code, result.err) == (0, "")
    *rows, total, nothing = result.out.splitlines()
    assert nothing == "Nothing was trained or written."
    assert len(rows) == networks
    assert total.startswith(f"seeds {', '.join(map(str, seeds))}: {left} of {networks * len(seeds)} training")
    assert (plan["run"], plan["seeds"], plan["trainings_left"]) == (str(folder), seeds, left)
    for row, text in zip(plan["networks"], rows, strict=True):
        name = row["source"] if row["trial_id"] is None else f"#{row['trial_id']}"
        assert text.startswith(f"{name} {row['arch_id']}  {row['epochs']} epoch")
        assert row["estimated_seconds"] > 0


def test_the_page_on_it(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """docs/confirm.md: its Python as written, on a run that is confirmed; its commands, planned."""
    monkeypatch.chdir(folder.parent)
    folder.parent.joinpath("runs").mkdir()
    folder.rename("runs/digits")
    page = (Path(__file__).parents[3] / "docs" / "confirm.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    exec(code, {})
    assert "test_accuracy_mean" in capsys.readouterr().out
    lines = re.findall(r"^    (xoresnet [^#\n]+)", page, flags=re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        words = line.replace("17", PRUNED).replace("xoresnet14", OR_RESNET8).split()
        assert xoresnet(*words[1:], "--dry-run").code == 0, line


class Story(NamedTuple):
    """The output of another command on one folder, and the tables afterwards."""

    folder: Path
    result: Result
    run: Run


@pytest.fixture(scope="module")
def others(real_confirmation: Path, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """A pruned trial, wanted that diverges, and wanted that was confirmed already, for fewer epochs."""
    folder = Path(shutil.copytree(real_confirmation, tmp_path_factory.mktemp("others") / "run"))
    picks = [f"--pick={wanted}" for wanted in (PRUNED, FAILED, "knee")]
    result = xoresnet("confirm", str(folder), *picks, "--epochs=1", "--seeds=1", "max_concurrent=1")
    return Story(folder, result, load(folder))


def test_other_networks_for_other_epochs(others: Story, real_confirmation: Path) -> None:
    before, after = load(real_confirmation).confirmed, others.run.confirmed
    pd.testing.assert_frame_equal(after.head(len(before)), before)
    table = after.iloc[len(before) :].set_index("trial_id")
    (knee,) = set(table.index) - {int(PRUNED), int(FAILED)}
    assert knee in set(others.run.front["trial_id"])
    assert dict(table["state"]) == {int(PRUNED): "COMPLETE", int(FAILED): "FAIL", knee: "COMPLETE"}
    assert set(table["config.recipe.epochs"]) == {1}
    assert set(table["seed"]) == {13}
    networks = confirmed_networks(others.run).set_index("trial_id")
    assert (networks.loc[knee, "config.recipe.epochs"], networks.loc[knee, "seeds"]) == (2, 2)  # the larger budget
    assert (networks.loc[int(PRUNED), "config.recipe.epochs"], networks.loc[int(PRUNED), "seeds"]) == (1, 1)
    assert pd.isna(networks.loc[int(PRUNED), "val_accuracy"])


def test_a_training_that_diverges(others: Story) -> None:
    (row,) = others.run.confirmed.query("state == 'FAIL'").to_dict("records")
    assert row["reason"].startswith(f"training of {row['arch_id']} diverged in epoch 1 of 1, at learning_rate=1e+06")
    assert pd.isna(row["test_accuracy"])
    assert pd.isna(row["weights"])
    networks = confirmed_networks(others.run).set_index("trial_id")
    assert (networks.loc[int(FAILED), "seeds"], networks.loc[int(FAILED), "failed"]) == (0, 1)
    assert not networks.loc[int(FAILED), "is_pareto"]
    assert others.result.code == 1
    again = f"xoresnet confirm {others.folder} max_concurrent=1 --seeds=1 --epochs=1 --pick=7 --pick=1 --pick=knee"
    kept = f"everything finished is kept in {others.folder}"
    assert others.result.err == f"error: 1 of 3 trainings failed; {kept}; to resume: {again}\n"
    (line,) = (line for line in others.result.out.splitlines() if "failed: training of" in line)
    assert " #1 seed 13  failed: training of " in line
    assert "0, 1 failed" in others.result.out
    # and is tried again by the next command
    *_, left, _ = xoresnet(*again.split()[1:], "--dry-run").out.splitlines()
    assert ": 1 of 3 trainings left, " in left


# stopped


def kills_a_worker() -> Callable[[RetrainingView, ConfirmRun], None]:
    """A look that does so once, as soon as a training has reported its first epoch, so that others are to come."""
    killed: list[int] = []

    def look(view: RetrainingView, run: ConfirmRun) -> None:
        pids = [live.metrics["pid"] for live in run.bridge.live.values() if live.metrics.get("epoch") == 1]
        if pids and not killed:
            killed.append(pids[0])
            os.kill(pids[0], signal.SIGKILL)

    return look


def wait_for_reports(process: subprocess.Popen[str], journal: Path, count: int) -> None:
    for _ in range(1200):
        if process.poll() is not None or (journal.exists() and journal.read_text().count('"report:') >= count):
            return
        time.sleep(0.05)


def test_stopped_at_any_moment_it_goes_on(real_search: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed, and then a worker of it killed: nothing is lost, and nothing is trained twice."""
    folder = Path(shutil.copytree(real_search, tmp_path / "run"))
    check_goes_on(folder, monkeypatch, after=4, max_concurrent=1)


def check_goes_on(folder: Path, monkeypatch: pytest.MonkeyPatch, after: int, max_concurrent: int) -> None:
    """Killed after so many reports."""
    at_once = f"max_concurrent={max_concurrent}"
    words = ["confirm", str(folder), "--seeds", "2", "--epochs", "3", at_once, "retries=1"]
    process = subprocess.Popen([*XORESNET, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    wait_for_reports(process, folder / "confirm.journal", after)
    process.kill()
    output, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL, output
    with (folder / "confirm.journal").open("ab") as file:
        file.write(b'{"op_code": 8, "tri')
    killed = snapshot(folder)
    assert len(killed) < 6 or "RUNNING" in {trial["state"] for trial in killed}
    assert xoresnet("front", str(folder)).code == 0  # and brings the table up to the journal
    assert_table(folder)

    monkeypatch.setattr(RetrainingView, "look", kills_a_worker())
    ended = xoresnet(*words)
    assert (ended.code, ended.err) == (0, "")
    after = snapshot(folder)
    for old, new in zip(killed, after, strict=False):
        assert_goes_on(old, new)
    assert [trial["state"] for trial in after] == ["COMPLETE"] * 6  # seeds times networks
    assert len({(trial["arch_id"], trial["recipe"]) for trial in after}) == 6
    assert sum("retried_after" in trial for trial in after) == 1  # that whose worker was killed
    assert all([name for name in trial if name.startswith("report:")] == EPOCHS for trial in after)
    assert_table(folder)
    assert len(weights(folder)) == 3


EPOCHS = [f"report:{epoch}" for epoch in range(1, 4)]


def snapshot(folder: Path) -> list[dict[str, Any]]:
    study = CONFIRMATION.look(folder)
    assert study is not None
    return [{"state": trial.state.name, **trial.user_attrs} for trial in study.trials]


def assert_goes_on(old: dict[str, Any], new: dict[str, Any]) -> None:
    """What was on record is as it was."""
    if old["state"] == "COMPLETE":
        assert old == new
    unlike = {name for name in old if old[name] != new[name]}
    assert unlike <= {"state", "retried_after"}


def assert_table(folder: Path) -> None:
    """It holds what the journal does."""
    table = load(folder).confirmed
    trials = snapshot(folder)
    assert len(table) == len(trials)
    for row, trial in zip(table.to_dict("records"), trials, strict=True):
        assert (row["state"], row["arch_id"], row["trial_id"]) == (trial["state"], trial["arch_id"], trial["confirms"])
        if row["epochs_trained"]:
            last = trial[f"record:{row['epochs_trained']}"]
            names = {"val_accuracy", "spikes_per_sample", "test_accuracy", "test_synops_per_sample"} & set(last)
            assert {name: row[name] for name in names} == {name: last[name] for name in names}
        assert ("test_accuracy" in trial.get("record:3", {})) == pd.notna(row["test_accuracy"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_how_to_go_on_is_said(number: signal.Signals, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever executes the trainings says that it was stopped."""

    def stopped(bridge: TrialBridge, *rest: Any) -> Outcome:
        assert bridge.next_config("only") is not None
        lifeline = rest[3].lifeline
        lifeline.signal = number
        return outcome(bridge, lifeline)

    monkeypatch.setattr("xoresnet.search.retraining.retraining.execute", stopped)
    words = ["confirm", str(folder), "max_concurrent=1", "--seeds=1", "--epochs=9", "--pick=knee"]
    result = xoresnet(*words, "--json")
    kept = f"everything finished is kept in {folder}"
    assert result.err == f"error: interrupted; {kept}; to resume: xoresnet {' '.join(words)}\n"
    assert result.code == 128 + number
    assert len(result.json["networks"]) == 4  # what was there before
    assert list(load(folder).confirmed["state"].tail(1)) == ["RUNNING"]


# what is refused


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of all kinds, in one; only read."""
    place = tmp_path_factory.mktemp("made")
    made_search(place / "run")
    with searching(search_config(retries=0), place / "barren") as run:
        fail(run, "boom")
    shutil.copytree(place / "run", place / "unstudied").joinpath("study.journal").unlink()
    (place / "training").mkdir()
    (place / "training" / "config.yaml").write_text("command: train\n")
    (place / "empty").mkdir()
    (place / "thesis").mkdir()
    (place / "thesis" / "chapter1.tex").touch()
    (place / "file").touch()
    return place


@pytest.fixture
def there(made: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(made)
    before = contents(made)
    yield
    assert contents(made) == before


RUN_ERRORS = ("front", "finished")
"""What the message of a run that cannot be used says here; others are wrong requests."""


@pytest.mark.usefixtures("there")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nothing", "there is no folder nothing"),
        ("gopher://old/run", "gopher://old/run: *"),
        ("file", "file is a file, not the folder of a run"),
        ("empty", "empty holds no search: it has no config.yaml"),
        ("thesis", "thesis holds no search: it has no config.yaml"),
        ("training", "training holds a training, not a search"),
        (
            "unstudied",
            "*/unstudied/study.journal is missing or empty, but 6 trials finished according to the tables; *",
        ),
        ("barren", "barren has no front yet: no trial is complete"),
        ("run --pick 99", "pick 99: run has no such trial; choose *, knee, best-accuracy, *"),
        ("run --pick nee", "pick: 'nee' is neither a criterion nor a network of run; did you mean 'knee'?"),
        (
            "run --pick xoresnet9",
            "pick: 'xoresnet9' is neither *; did you mean 'xoresnet8'?",
        ),
        ("run --pick max-spikes=x", "pick max-spikes=x: 'x' is not a number"),
        (
            "run budget=3",
            "budget is fixed by the search; confirm accepts only address, cpus_per_trial, *",
        ),
        ("run storage=sqlite:///x.db", "storage is fixed by the search; confirm accepts only *"),
        ("run data.name=cifar10", "data.name is fixed by the search; confirm accepts only *, data.root, data.verify"),
        ("run data=cifar10", "data is fixed by the search; confirm accepts only *"),
        ("run data.root=5", "data.root: *"),
        ("run foo=1", "foo: unknown key; the keys are address, cpus_per_trial, gpus_per_trial, *"),
        ("run epochs=5", "epochs=5: write --epochs 5 instead. (see xoresnet confirm --help)"),
        ("run seeds=5", "seeds=5: write --seeds 5 instead. (see xoresnet confirm --help)"),
        ("run --max-concurrent 2", "No such option '--max-concurrent'. Write max_concurrent=2 instead. (see *)"),
        ("run root=x", "root: unknown key; did you mean 'data.root'?"),
        ("run max_concurent=2", "max_concurent: unknown key; did you mean 'max_concurrent'?"),
        ("run max_concurrent=0", "max_concurrent: must be at least 1, got 0"),
        ("run max_concurrent", "'max_concurrent' is not a setting; write key=value, for example epochs=5"),
        (
            "run --seeds 0",
            "--seeds must be at least 1, got 0 (see xoresnet confirm --help)",
        ),
        ("run --epochs none", "--epochs must be a whole number, got 'none' (see *)"),
        ("", "Missing argument 'RUN'. (see xoresnet confirm --help)"),
    ],
)
def test_mistakes_get_one_sentence(words: str, message: str) -> None:
    for more in ([], ["--dry-run"]):
        result = xoresnet("confirm", *words.split(), *more)
        assert result.is_refusal(1 if any(word in message for word in RUN_ERRORS) else 2, message)
        assert result.out == ""


def test_while_another_process_is_at_work(folder: Path) -> None:
    with claimed(folder):
        before = contents(folder)
        assert xoresnet("confirm", str(folder)).is_refusal(
            1, "another process is working in */run; wait for its end, or stop it"
        )
        assert contents(folder) == before
        assert xoresnet("confirm", str(folder), "--dry-run").code == 0


def test_a_journal_that_is_damaged(folder: Path) -> None:
    (folder / "confirm.journal").write_text('garbage\n{"op_code": 0}\n')
    message = f"{folder}/confirm.journal, line 1 is damaged; to rebuild it: xoresnet repair {folder}"
    assert xoresnet("confirm", str(folder)).is_refusal(1, message)


def test_with_other_objectives(tmp_path: Path) -> None:
    """Such as are not measured on the test set: the front's own figures stand for them."""
    objectives = ["val_loss:min", "train_seconds:min", "energy_pj_per_sample:min"]
    folder = made_search(tmp_path / "run", objectives=objectives, pruner={"kind": "none"})
    with confirming(folder, seeds=2) as run:
        carry_out(run)
    result = xoresnet("confirm", str(folder), "--seeds", "2")
    assert (result.code, result.err) == (0, "")
    head = result.out.splitlines()[2].split()
    assert head[2:5] == ["test_loss", "train_seconds", "test_energy_pj_per_sample"]
    (row, *_) = xoresnet("confirm", str(folder), "--seeds", "2", "--json").json["networks"]
    assert {"test_loss_mean", "train_seconds_mean", "test_energy_pj_per_sample_std"} <= set(row)
