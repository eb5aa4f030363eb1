"""`RUN:ID`: a trial of a search, found, and trained again by `xoresnet train`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from tests.search.command_line import xoresnet
from tests.search.confirmations import made_search
from tests.search.views.test_search import complete, search_config, searching
from tests.xoresnet.data.datasets.test_fashion_mnist import write_fashion
from xoresnet.data.load import DATASETS, load_data
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import RunError, UsageError
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.search.commands.arguments.arch_source import ArchSource, find_trial
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.attributes import DUPLICATE
from xoresnet.search.study.opening import look_at_study
from xoresnet.search.study.trials import trials_of
from xoresnet.training.fit import fit

DATA = {"name": "digits", "validation_seed": 5, "validation_share": 0.25}
RECIPE = {"batch_size": 256, "precision": "fp32", "learning_rate": 0.03}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a search in `run`, and with other things; only read."""
    place = tmp_path_factory.mktemp("place")
    made_search(place / "run", data=DATA, recipe=RECIPE)
    with searching(search_config(budget=40), place / "twice") as run:
        complete(run, 0.5, 10)
        first = run.study.trials[0]
        duplicate = {**first.user_attrs, DUPLICATE: 0}
        run.study.add_trial(optuna.trial.create_trial(values=first.values, user_attrs=duplicate))
    (place / "training").mkdir()
    (place / "training" / "config.yaml").write_text("command: train\n")
    (place / "empty").mkdir()
    write_fashion(place / "fashion")
    return place


@pytest.fixture(autouse=True)
def here(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in place.iterdir():
        Path(path.name).symlink_to(path)


def trials() -> list[tuple[Arch, Recipe]]:
    """Of the search in `run`."""
    config = RunFolder(Path("run")).saved_config()
    assert config is not None
    study = look_at_study(config, Path("run"))
    assert study is not None
    return [(record.arch, record.recipe) for record in trials_of(study)]


@pytest.mark.parametrize("number", [0, 2, 3, 5])  # complete, pruned, failed, dominated
def test_a_trial_whatever_became_of_it(number: int) -> None:
    arch, recipe = trials()[number]
    for text in (f"run:{number}", f"run:{arch.arch_id}", f"{Path('run').absolute()}:{number}", f"./run/:{number}"):
        trial = find_trial(text)
        assert trial is not None
        assert (trial.label, trial.arch, trial.recipe) == (f"run-{number}", arch, recipe)
        assert trial.data.model_dump(exclude_none=True) == {**DATA, "verify": True}
        assert trial.recipe.learning_rate == 0.03


@pytest.mark.parametrize("text", ["xoresnet8", "run", "some/arch.json", ""])
def test_what_has_no_colon(text: str) -> None:
    assert find_trial(text) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere:3", "there is no folder nowhere"),
        ("xoresnet8:3", "there is no folder xoresnet8"),
        ("empty:3", "empty holds no search: it has no config.yaml"),
        ("training:0", "training holds a training, not a search"),
    ],
)
def test_folders_without_a_search(text: str, message: str) -> None:
    for words in ([text], [text, "--dry-run"], [text, "epochs=1", "--data", "fashion-mnist"]):
        result = xoresnet("train", *words)
        assert result.is_refusal(2, message)
        assert result.out == ""
    assert not Path("runs").exists()
    with pytest.raises(RunError):
        find_trial(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("run:77", "run has no trial 77 that trained a network"),
        ("run:knee", "run has no trial knee that trained a network"),
        ("twice:1", "twice has no trial 1 that trained a network"),  # answered from the record
    ],
)
def test_trials_that_do_not_exist(text: str, message: str) -> None:
    assert xoresnet("train", text).is_refusal(2, f"{text}: {message}")
    assert xoresnet("train", text, "--dry-run").is_refusal(2, f"{text}: {message}")
    assert not Path("runs").exists()
    with pytest.raises(UsageError):
        find_trial(text)


def test_a_run_at_a_url() -> None:
    url = f"local://{Path('run').absolute()}"
    here, there = find_trial("run:0"), find_trial(f"{url}:0")
    assert here == there
    assert here is not None
    assert find_trial(url) is None
    missing = xoresnet("train", "local:///nowhere/run:3")
    assert missing.is_refusal(2, "local:///nowhere/run holds no search*")


def test_a_search_that_has_no_study_yet() -> None:
    shutil.copytree("run", "copy", symlinks=False)
    Path("copy/study.journal").unlink()
    lost = "*/copy/study.journal is missing or empty, but * trials finished according to the tables; to rebuild it: *"
    assert xoresnet("train", "copy:0").is_refusal(1, lost)
    for table in Path("copy").glob("*.parquet"):
        table.unlink()
    assert xoresnet("train", "copy:0").is_refusal(1, "copy holds a search that has no study yet")


# as ARCH


def test_the_network_takes_its_shape_from_the_data() -> None:
    arch, _ = trials()[0]
    source = ArchSource("run:0", {})
    assert source.label == "run-0"
    assert source.build((1, 8, 8), 10) == arch
    assert source.build((3, 32, 32), 7) == arch.replace(input_shape=(3, 32, 32), num_classes=7)
    changed = ArchSource("run:0", {"timesteps": 5, "neuron": {"tau": 1.5}, "depth": 14})
    assert changed.build((1, 8, 8), 10) == arch.replace(timesteps=5, neuron=arch.neuron.replace(tau=1.5), depth=14)


@pytest.mark.parametrize("field", ["input_shape=[1, 9, 9]", "num_classes=3"])
def test_what_follows_from_the_data(field: str) -> None:
    name = field.partition("=")[0]
    assert xoresnet("train", "run:0", field).is_refusal(2, f"{name} is fixed by the data set")


def test_a_file_of_that_name_is_a_file() -> None:
    arch = Arch.baseline("xoresnet8", input_shape=(1, 8, 8), num_classes=10)
    arch.save("run:0")
    source = ArchSource("run:0", {})
    assert source.trial is None
    assert source.build((1, 8, 8), 10) == arch


# trained


def plan(*words: str) -> Any:
    result = xoresnet("train", *words, "--dry-run", "--json")
    assert (result.code, result.err) == (0, "")
    return result.json


def test_data_and_recipe_are_the_searchs() -> None:
    arch, recipe = trials()[0]
    planned = plan("run:0")
    assert planned["arch_id"] == arch.arch_id
    assert planned["recipe"] == recipe.model_dump(mode="json")
    assert {name: planned["data"][name] for name in DATA} == DATA
    assert planned["run"] == "runs/run-0-digits"
    assert plan("run:0", "--data", "digits") == {**planned, "estimated_epoch_seconds": pytest.approx(0, abs=60)}


def test_settings_take_precedence() -> None:
    arch, recipe = trials()[0]
    planned = plan("run:0", "timesteps=1", "width=12", "epochs=7", "seed=3", "data.validation_seed=6", "--run", "mine")
    assert planned["arch_id"] == arch.replace(timesteps=1, width=12).arch_id
    assert planned["recipe"] == recipe.replace(epochs=7, seed=3).model_dump(mode="json")
    assert {name: planned["data"][name] for name in DATA} == {**DATA, "validation_seed": 6}
    assert planned["run"] == "mine"


@pytest.mark.parametrize("how", [["--data", "fashion-mnist"], ["data.name=fashion-mnist"]])
def test_other_data_come_with_their_own_recipe(how: list[str], place: Path) -> None:
    arch, _ = trials()[0]
    planned = plan("run:0", *how, "--data-root", str(place / "fashion"), "epochs=1")
    assert planned["arch"]["input_shape"] == [1, 28, 28]
    assert planned["arch_id"] == arch.replace(input_shape=(1, 28, 28)).arch_id
    assert planned["recipe"] == DATASETS["fashion-mnist"].recipe.replace(epochs=1).model_dump(mode="json")
    assert planned["data"]["validation_seed"] == 0
    assert planned["run"] == "runs/run-0-fashion-mnist"


def test_it_is_trained_as_it_says() -> None:
    arch, recipe = trials()[2]
    words = ["train", "run:2", "epochs=1", "--device", "cpu", "--threads", "1"]
    result = xoresnet(*words)
    assert (result.code, result.err) == (0, "")
    folder = Path("runs/run-2-digits")
    data = load_data("digits", validation_seed=5, validation_share=0.25)
    (record,) = fit(arch, data, recipe.replace(epochs=1), device="cpu")
    (row,) = pd.read_parquet(folder / "history.parquet").to_dict("records")
    assert (row["val_accuracy"], row["spikes_per_sample"]) == (record.val_accuracy, record.spikes_per_sample)
    assert read_yaml((folder / "config.yaml").read_text(), "")["data"]["validation_share"] == 0.25
    assert (
        f"The test set was not used; to measure the final network on it: xoresnet {' '.join(words)} --test"
        in result.out
    )
    assert xoresnet(*words).code == 0  # the same again goes on
    refused = "runs/run-2-digits holds another training: recipe.epochs was 1, is 2; choose another run folder"
    assert xoresnet("train", "run:2").is_refusal(2, refused)


def test_a_trial_of_others_imports_what_its_run_names_only_if_it_is_trusted(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    code = "from pathlib import Path\nfrom xoresnet import Join, Merge\nPath('ran').touch()\n"
    Path("theirs.py").write_text(code + "MERGE = Merge(Join.CURRENTS, Join.CURRENTS)\n")
    shutil.copytree(place / "run", "copy")
    fields = read_yaml(Path("copy/config.yaml").read_text(), "config.yaml")
    fields["space"]["arch"]["merge"] = ["or", "theirs.MERGE"]
    Path("copy/config.yaml").write_text(write_yaml(fields))
    fact = "copy names code that would be imported, and so run: theirs.MERGE; add --trust-code if you trust it"
    assert xoresnet("train", "copy:0", "--dry-run").is_refusal(1, fact)
    assert not Path("ran").exists()
    assert xoresnet("train", "copy:0", "--dry-run", "--trust-code").code == 0
    assert Path("ran").exists()
    sys.modules.pop("theirs")
