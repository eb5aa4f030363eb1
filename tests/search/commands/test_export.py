"""`xoresnet export`: whose weights it takes."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from tests.results import made_runs
from tests.search.command_line import Result, xoresnet
from tests.xoresnet.data.datasets.pictures import write_image
from xoresnet import load_model
from xoresnet.results import best, knee, load
from xoresnet.results.analysis.leading import leading

pytestmark = pytest.mark.filterwarnings("ignore")
OR_RESNET8, PRUNED, FAILED = "or-resnet8", "7", "1"
IMAGES = torch.rand(8, 1, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def folder(real_confirmation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of its own; exports are written elsewhere, but where it is about that."""
    return Path(shutil.copytree(real_confirmation, tmp_path_factory.mktemp("export") / "run"))


@pytest.fixture
def confirmed(folder: Path) -> pd.DataFrame:
    """Those whose weights were kept, by trial."""
    return load(folder).confirmed.dropna(subset="weights").set_index("trial_id")


def exported(folder: Path, output: Path, *words: str) -> Result:
    result = xoresnet("export", str(folder), "--output", str(output), *words)
    assert (result.code, result.err) == (0, "")
    return result


def same(first: Path | str, second: Path | str) -> bool:
    return torch.equal(load_model(first)(IMAGES), load_model(second)(IMAGES))


def figures(place: Path) -> Any:
    config = load_model(place).config
    assert config is not None
    return config.figures


def test_the_confirmed_weights(folder: Path, confirmed: pd.DataFrame, tmp_path: Path) -> None:
    lead = leading(load(folder))
    trial = knee(lead.front, lead.objectives)["trial_id"]
    row = confirmed.loc[trial]
    result = exported(folder, tmp_path / "out")
    assert same(tmp_path / "out", folder / row["weights"])
    assert not same(tmp_path / "out", f"{folder}:{trial}")
    accuracies = (
        f"validation accuracy {100 * row['val_accuracy']:.2f} %, test accuracy {100 * row['test_accuracy']:.2f} %"
    )
    origin = f"{folder}:{trial}, confirmed with seed {row['seed']}, 2 epochs"
    assert result.out.splitlines()[1].startswith(f"{origin}: {accuracies}, ")
    card = (tmp_path / "out" / "README.md").read_text()
    assert f"| accuracy on the test set of these weights | {100 * row['test_accuracy']:.2f} % |" in card
    assert f"| validation accuracy of these weights | {100 * row['val_accuracy']:.2f} % |" in card
    assert f"confirmed with seed {row['seed']}" in card
    assert figures(tmp_path / "out")["test_accuracy"] == row["test_accuracy"]


def test_the_means_of_the_confirmation_come_first(folder: Path, tmp_path: Path) -> None:
    lead = leading(load(folder))
    assert lead.is_confirmed
    row = knee(lead.front, lead.objectives)
    first = exported(folder, tmp_path / "out").out.splitlines()[0]
    mean, deviation = row["test_accuracy_mean"], row["test_accuracy_std"]
    assert first.startswith(f"confirmed: accuracy on the test set {100 * mean:.2f} ± {100 * deviation:.2f} %, spikes ")
    assert first.endswith(" (2 seeds)")
    card = (tmp_path / "out" / "README.md").read_text()
    of_seeds = "accuracy on the test set, mean ± standard deviation of 2 seeds"
    assert f"| {of_seeds} | {100 * mean:.2f} ± {100 * deviation:.2f} % |" in card
    assert card.index(of_seeds) < card.index("| accuracy on the test set of these weights |")
    recorded = figures(tmp_path / "out")
    assert (recorded["test_accuracy_mean"], recorded["test_accuracy_std"]) == (mean, deviation)
    assert recorded["seeds"] == 2


def test_the_searchs_own(folder: Path, tmp_path: Path) -> None:
    trial = knee(load(folder).front)["trial_id"]
    result = exported(folder, tmp_path / "out", "--searched")
    assert same(tmp_path / "out", f"{folder}:{trial}")
    assert result.out.startswith(f"{folder}:{trial}: validation accuracy ")
    assert "test set" not in result.out
    assert "test_accuracy" not in figures(tmp_path / "out")
    assert "accuracy on the test set" not in (tmp_path / "out" / "README.md").read_text()


def test_where_nothing_was_confirmed(real_search: Path, tmp_path: Path) -> None:
    trial = best(load(real_search).trials)["trial_id"]
    exported(real_search, tmp_path / "out", "--pick", "best-accuracy")
    assert same(tmp_path / "out", f"{real_search}:{trial}")


def test_what_comes_next_can_be_pasted_into_a_shell(real_search: Path, tmp_path: Path) -> None:
    output = tmp_path / 'ann\'s "best" model'
    last = exported(real_search, output).out.splitlines()[-1]
    program, *words, image = shlex.split(last.removeprefix("next: "))
    assert (program, words, image) == ("xoresnet", ["predict", str(output)], "IMAGE")
    write_image(tmp_path / "one.png")
    result = xoresnet(*words, str(tmp_path / "one.png"))
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[1].startswith(str(tmp_path / "one.png"))


@pytest.mark.parametrize("wanted", ["trial", "network"])
def test_by_its_id(folder: Path, confirmed: pd.DataFrame, wanted: str, tmp_path: Path) -> None:
    for trial, row in confirmed[confirmed.index.notna()].iterrows():
        word = str(trial) if wanted == "trial" else row["arch_id"]
        exported(folder, tmp_path / word, "--pick", word)
        assert same(tmp_path / word, folder / row["weights"])


def test_a_baseline_that_was_not_searched(folder: Path, confirmed: pd.DataFrame, tmp_path: Path) -> None:
    (row,) = confirmed[confirmed.index.isna()].to_dict("records")
    for word in (OR_RESNET8, row["arch_id"]):
        result = exported(folder, tmp_path / word, "--pick", word)
        assert result.out.splitlines()[1].startswith(
            f"{folder}: {OR_RESNET8}, confirmed with seed {row['seed']}, 2 epochs: validation accuracy "
        )
        assert same(tmp_path / word, folder / row["weights"])
    for words in (["--searched"], []):
        name = OR_RESNET8 if words else "sew-resnet9"
        result = xoresnet("export", str(folder), "--pick", name, *words)
        assert result.is_refusal(2, f"pick: '{name}' is neither a criterion nor a network of run; choose *")


def test_into_the_folder_of_the_run(folder: Path, confirmed: pd.DataFrame) -> None:
    trial = int(confirmed.index.dropna()[0])
    names = [f"{trial:04d}-{confirmed.loc[trial, 'arch_id']}", confirmed[confirmed.index.isna()]["arch_id"].iloc[0]]
    for wanted, name in zip((str(trial), OR_RESNET8), names, strict=True):
        assert xoresnet("export", str(folder), "--pick", wanted).code == 0
        assert sorted(path.name for path in (folder / "export" / name).iterdir()) == [
            "README.md",
            "config.json",
            "model.safetensors",
        ]
    shutil.rmtree(folder / "export")


@pytest.fixture
def changed(folder: Path, tmp_path: Path) -> Path:
    """A copy whose table can be written anew."""
    return Path(shutil.copytree(folder, tmp_path / "run"))


def rewrite(folder: Path, **columns: Any) -> None:
    from xoresnet.results.tables.files import write_parquet

    write_parquet(folder / "confirmed.parquet", load(folder).confirmed.assign(**columns))


def test_of_several_budgets_the_largest(changed: Path, tmp_path: Path) -> None:
    """They are in no order in the table."""
    table = load(changed).confirmed
    both = table[table["trial_id"] == table["trial_id"][0]]
    epochs = table["config.recipe.epochs"].mask(table.index == both.index[0], 9)
    places = [f"confirmed/{path.name}" for path in sorted((changed / "confirmed").iterdir())][:2]
    weights = (
        table["weights"].mask(table.index == both.index[0], places[0]).mask(table.index == both.index[1], places[1])
    )
    rewrite(changed, weights=weights, **{"config.recipe.epochs": epochs})
    exported(changed, tmp_path / "out", "--pick", str(both["trial_id"].iloc[0]))
    assert same(tmp_path / "out", changed / places[0])


def test_weights_of_a_shorter_training_are_not_taken(changed: Path, tmp_path: Path) -> None:
    table = load(changed).confirmed
    trial = table["trial_id"][table["weights"].notna()].iloc[0]
    rewrite(changed, **{"config.recipe.epochs": table["config.recipe.epochs"].mask(table["trial_id"] == trial, 1)})
    exported(changed, tmp_path / "out", "--pick", str(trial))
    (own,) = (changed / "trials").glob(f"{trial:04d}-*")
    assert same(tmp_path / "out", own)


def test_a_pruned_trial_that_was_confirmed(changed: Path, tmp_path: Path) -> None:
    """The search has no weights of it, but there are others."""
    for word, state in ((PRUNED, "PRUNED"), (FAILED, "FAIL")):
        refused = f"pick {word}: this trial is {state}; only COMPLETE trials can be picked"
        assert xoresnet("export", str(changed), "--pick", word).is_refusal(1, refused)
    table = load(changed).confirmed
    rewrite(changed, trial_id=table["trial_id"].mask(table["trial_id"].isna(), int(PRUNED)))
    (row,) = load(changed).confirmed.dropna(subset="weights").query(f"trial_id == {PRUNED}").to_dict("records")
    exported(changed, tmp_path / "out", "--pick", PRUNED)
    assert same(tmp_path / "out", changed / row["weights"])
    searched = xoresnet("export", str(changed), "--pick", PRUNED, "--searched")
    assert searched.is_refusal(1, f"pick {PRUNED}: this trial is PRUNED; only COMPLETE trials can be picked")


def test_weights_that_somebody_removed(changed: Path, tmp_path: Path) -> None:
    """The search's are there still, and what is written says so."""
    shutil.rmtree(changed / "confirmed")
    assert xoresnet("confirm", str(changed), "--seeds", "2", "--baselines").code == 0
    result = exported(changed, tmp_path / "out")
    assert "confirmed" not in result.out


def test_as_json(folder: Path, tmp_path: Path) -> None:
    exported_files = exported(folder, tmp_path / "out", "--json").json
    assert "confirmed with seed" in exported_files["origin"]
    assert exported_files["written"][0]["path"] == str(tmp_path / "out")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nowhere", 2, "there is no folder nowhere"),
        ("RUN --pick 99", 2, "pick 99: run has no such trial; choose *"),
        (
            "RUN --pick knees --searched",
            2,
            "pick: 'knees' is neither *; did you mean 'knee'?",
        ),
    ],
)
def test_mistakes(folder: Path, words: str, code: int, message: str) -> None:
    assert xoresnet("export", *words.replace("RUN", str(folder)).split()).is_refusal(code, message)


# folders that are made up


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("training --pick knee", 2, "training holds one network; --pick is for searches, leave it out"),
        ("training --searched", 2, "training holds one network; --searched is for searches, leave it out"),
        (
            "run",
            1,
            "trial 1 of run is complete, but its weights are missing: there is no */config.json",
        ),
        ("run --pick 2", 1, "pick 2: * PRUNED*"),
        ("run --pick max-spikes=-5", 1, "no complete trial has spikes_per_sample <= -5; *"),
        ("run --too pt2", 2, "No such option '--too'. Did you mean '--to'? (see xoresnet export --help)"),
    ],
)
def test_what_is_not_exported(
    words: str, code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trials = [made_runs.trial(1, 0.9, 100), made_runs.trial(2, 0.5, 10, state="PRUNED")]
    made_runs.write_run(made_runs.run_of(*trials), Path("run"))
    Path("training").mkdir()
    Path("training/config.json").write_text("{}")
    before = sorted(Path().rglob("*"))
    assert xoresnet("export", *words.split()).is_refusal(code, message)
    assert sorted(Path().rglob("*")) == before
