"""`xoresnet search`: what its arguments mean, what it plans, what it refuses. Whole searches are in `test_run.py`."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest

from tests.search.command_line import Result, xoresnet
from tests.search.runs import drive
from tests.search.views.test_search import complete, fail, prune, search_config, searching
from tests.xoresnet.data.datasets.pictures import write_classes
from tests.xoresnet.data.datasets.test_cifar import write_cifar10
from tests.xoresnet.data.datasets.test_fashion_mnist import write_fashion
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.search.config import SearchConfig
from xoresnet.search.execution.bridge import TrialBridge
from xoresnet.search.execution.execute import Outcome, outcome
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.registry import PrunerSpec
from xoresnet.search.study.attributes import DUPLICATE
from xoresnet.space import SearchSpace, preset_names

ARCH = "{input_shape: [1, 8, 8], num_classes: 10, depth: 8, width: 2, merge: [or, add], timesteps: 1}"
SPACE = f"arch: {ARCH}\n"
CONFIG = f"""
space:
  arch: {ARCH}
data: digits
recipe: {{learning_rate: 0.02, batch_size: 256}}
objectives: [val_accuracy:max, synops_per_sample:min]
sampler: nsga2
pruner: {{min_epochs: 2, ties: pass}}
budget: 7
epochs: 3
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)


def contents() -> dict[str, bytes | None]:
    """Every file and folder there is."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in Path().rglob("*")}


def plan(*words: str) -> dict[str, Any]:
    """As `--dry-run --json` gives it, having written nothing; how long an epoch takes is not measured."""
    before = contents()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xoresnet.search.commands.jobs.search_job.estimate_epoch_seconds", lambda *_: 0.5)
        result = xoresnet("search", *words, "--dry-run", "--json")
    assert (result.code, result.err) == (0, "")
    assert contents() == before
    planned_fields: dict[str, Any] = result.json
    return planned_fields


def planned(*words: str) -> SearchConfig:
    return SearchConfig.from_dict(plan(*words)["config"])


# what would be done


def test_alone_it_is_the_preset_digits() -> None:
    planned_fields = xoresnet("search", "--dry-run", "--json").json
    assert contents() == {}
    config = SearchConfig.from_dict(planned_fields["config"])
    assert config.search_space == SearchSpace.preset("digits")
    assert (config.data.name, config.budget, config.epochs, config.strategy) == ("digits", 40, 12, "freeze-thaw")
    digits = SearchSpace.preset("digits")
    assert config == SearchConfig(space=digits, budget=40, epochs=12, confirm_seeds=5, study="digits")
    assert planned_fields["run"] == str(Path("runs/digits").absolute())
    assert planned_fields["networks"] == 400
    assert 0 < planned_fields["estimated_epoch_seconds"] < 60
    assert set(planned_fields) == {"run", "config", "networks", "estimated_epoch_seconds", "prior_epochs"}


def test_what_would_be_done_can_be_read() -> None:
    Path("mine.yaml").write_text(CONFIG)
    before = contents()
    result = xoresnet("search", "mine.yaml", "--dry-run", "--run", "there")
    assert (result.code, result.err) == (0, "")
    assert contents() == before
    *yaml, recipe, size, estimate, where = result.out.splitlines()
    assert recipe.startswith("Recipe: epochs 3, batch_size ")
    assert size == "The space has 2 networks."
    time = r"[\d.]+ (s|min|h)( \d+ (s|min))?"
    work = rf"as much as 7 full trainings of 3 epochs x {time}"
    assert re.fullmatch(rf"About {time}: {work}; less with parallel trials, more on a busy machine\.", estimate)
    assert where == f"Nothing was trained or written; the run would be written to {Path('there').absolute()}"
    assert SearchConfig.from_dict(read_yaml("\n".join(yaml), "stdout")) == SearchConfig.from_dict(
        {**read_yaml(CONFIG, "mine.yaml"), "study": "there"}
    )


def test_a_configuration_from_a_file() -> None:
    Path("mine.yaml").write_text(CONFIG)
    planned_fields = plan("mine.yaml")
    assert planned_fields["run"] == str(Path("runs/mine").absolute())
    assert planned_fields["networks"] == 2
    assert SearchConfig.from_dict(planned_fields["config"]) == SearchConfig(
        space=read_yaml(SPACE, "space"),
        recipe={"learning_rate": 0.02, "batch_size": 256},
        objectives=["val_accuracy:max", "synops_per_sample:min"],
        sampler="nsga2",
        pruner={"min_epochs": 2, "ties": "pass"},
        budget=7,
        epochs=3,
        study="mine",
    )


def test_a_space_alone() -> None:
    Path("space.yaml").write_text(f"# mine\n{SPACE}recipe: {{learning_rate: [0.01, 0.02]}}\n")
    config = planned("space.yaml", "budget=3")
    assert config.search_space == SearchSpace.load("space.yaml")
    assert config == SearchConfig(space=config.space, budget=3, study="space")


def test_a_space_need_not_say_what_the_data_say() -> None:
    """Nor is there a note that it was written for other images."""
    short = "arch: {depth: 8, width: [2, 4], timesteps: 1}"
    Path("alone.yaml").write_text(short)
    arch = plan("alone.yaml")["config"]["space"]["arch"]
    assert (arch["input_shape"], arch["num_classes"]) == ([1, 8, 8], 10)
    Path("mine.yaml").write_text(f"space: {{{short}}}\nbudget: 3\n")
    result = xoresnet("search", "mine.yaml", "--dry-run")
    assert (result.code, result.err) == (0, "")


def test_a_space_by_the_name_of_a_preset() -> None:
    Path("mine.yaml").write_text("space: digits\nbudget: 3\n")
    config = planned("mine.yaml")
    assert config.search_space == SearchSpace.preset("digits")
    assert (config.budget, config.epochs) == (3, None)  # a preset of its own says more


def test_a_pruner_by_its_kind_alone_in_a_file_elsewhere() -> None:
    Path("deep").mkdir()
    Path("deep/mine.yml").write_text(CONFIG.replace("{min_epochs: 2, ties: pass}", "hyperband"))
    planned_fields = plan("deep/mine.yml")
    assert SearchConfig.from_dict(planned_fields["config"]).pruner == PrunerSpec(kind="hyperband")
    assert planned_fields["run"] == str(Path("runs/mine").absolute())


def test_the_config_of_a_run_given_back() -> None:
    config = SearchConfig.from_dict(
        {**read_yaml(CONFIG, "mine.yaml"), "storage": f"sqlite:///{Path.cwd()}/x.db", "retries": 3}
    )
    folder = RunFolder(Path("runs/first"))
    with folder.opened(config):
        pass
    assert planned("runs/first/config.yaml").replace(study=None) == config
    changed = planned("runs/first/config.yaml", "budget=12", "--run", "runs/first")
    assert changed == config.replace(budget=12, study="first")


def test_another_run_with_the_same_configuration_has_a_study_of_its_own() -> None:
    Path("mine.yaml").write_text(CONFIG)
    with RunFolder(Path("first")).opened(planned("mine.yaml", "storage=sqlite:///x.db", "--run", "first")):
        pass
    assert planned("first/config.yaml", "--run", "second").study == "second"


def test_what_is_printed_can_be_given_back() -> None:
    Path("space.yaml").write_text(SPACE)
    first = plan("space.yaml", "budget=3", "data.validation_seed=1")["config"]
    Path("again.yaml").write_text(write_yaml(first))
    assert plan("again.yaml")["config"] == first


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (
            "budget=3.5 epochs=4 seed=5 sampler=random storage=sqlite:///x.db time_budget=9 --address auto",
            {"budget": 3.5, "epochs": 4, "seed": 5, "sampler": "random", "storage": "sqlite:///x.db", "time_budget": 9,
             "address": "auto"},
        ),
        (
            "learning_rate=0.5 recipe.momentum=0.5",
            {"recipe": {"learning_rate": 0.5, "batch_size": 256, "momentum": 0.5}},
        ),
        (
            "pruner.ties=hypervolume data.validation_seed=3 space.arch.depth=[8,14]",
            {"pruner": {"min_epochs": 2, "ties": "hypervolume"}, "data": {"validation_seed": 3},
             "space": {"arch": {**read_yaml(ARCH, "arch"), "depth": [8, 14]}}},
        ),
        ("data={name: digits, verify: false}", {"data": {"verify": False}}),
        (
            "objectives=[val_loss:min,val_accuracy:max] address=auto",
            {"objectives": ["val_loss:min", "val_accuracy:max"], "address": "auto"},
        ),
    ],
)  # fmt: skip
def test_changes_go_on_top_of_a_file(words: str, changes: dict[str, Any]) -> None:
    Path("mine.yaml").write_text(CONFIG.replace("data: digits", "data: {name: digits}"))
    plain = SearchConfig.from_dict(read_yaml(CONFIG, "mine.yaml"))
    given = [words] if "{" in words else words.split()
    if "storage" in changes:  # found from every working directory
        changes = {**changes, "storage": f"sqlite:///{Path.cwd()}/x.db"}
    assert planned("mine.yaml", *given) == plain.replace(**changes, study="mine")


@pytest.mark.parametrize("recipe", ["", "null", "~", "{}"])
def test_fields_that_are_left_empty_have_their_default(recipe: str) -> None:
    empty = "\n".join(f"{name}:" for name in SearchConfig.model_fields if name not in ("space", "recipe"))
    Path("mine.yaml").write_text(f"space: {{arch: {ARCH}}}\nrecipe: {recipe}\n{empty}\n")
    config = planned("mine.yaml", "learning_rate=0.5")
    assert config == SearchConfig(space=config.space, recipe={"learning_rate": 0.5}, study="mine")


@pytest.mark.parametrize("name", ["mine", "mine.yml", "mine.yaml", "mine.txt", "deep/mine.v2.yaml"])
def test_a_configuration_by_any_name(name: str) -> None:
    Path("deep").mkdir()
    Path(name).write_text(CONFIG)
    label = Path(name).stem
    planned_fields = plan(name)
    assert planned_fields["run"] == str(Path(f"runs/{label}").absolute())
    assert SearchConfig.from_dict(planned_fields["config"]) == SearchConfig.from_dict(
        {**read_yaml(CONFIG, "mine.yaml"), "study": label}
    )


@pytest.mark.parametrize("name", ["deep/mine", "../here/deep/mine"])
def test_a_configuration_without_suffix_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("here/deep").mkdir(parents=True)
    monkeypatch.chdir("here")
    Path("deep/mine").write_text(CONFIG)
    assert plan(name)["run"] == str(Path("runs/mine").absolute())


def test_a_preset_with_images_elsewhere_is_that_of_its_data() -> None:
    write_cifar10(Path("x"))
    small = ["space.arch.depth=8", "space.arch.width=4", "space.arch.timesteps=1"]
    config = planned("cifar", "data.root=x", *small)
    assert (config.data.name, config.data.root) == ("cifar10", "x")
    assert config.search_space.input_shape == (3, 32, 32)
    assert xoresnet("search", "cifar", "data.root=y", "--run", "new").is_refusal(
        1, "the data set cifar10 is not found in */y, */data; to get it: *"
    )
    assert planned("digits", "data.root=x", *small).data.name == "digits"


@pytest.mark.parametrize("data", ["fashion-mnist", "{name: fashion-mnist}", "{name: fashion-mnist, root: nowhere}"])
def test_another_root_for_the_data_of_a_file(data: str) -> None:
    write_fashion(Path("x"))
    Path("mine.yaml").write_text(CONFIG.replace("data: digits", f"data: {data}"))
    config = planned("mine.yaml", "data.root=x")
    assert (config.data.name, config.data.root) == ("fashion-mnist", "x")
    assert planned("mine.yaml", "data=digits").data.name == "digits"


def test_a_preset_on_other_data_is_for_its_images() -> None:
    write_fashion(Path("data"))
    config = planned("digits", "data=fashion-mnist", "space.arch.width=2")
    assert (config.data.name, config.search_space.input_shape) == ("fashion-mnist", (1, 28, 28))
    narrow = {"arch": {**SearchSpace.preset("digits").to_dict()["arch"], "width": 2}}
    assert config.search_space == SearchSpace.from_dict(narrow).for_images((1, 28, 28), 10)
    assert (config.budget, config.epochs, config.study) == (40, 12, "digits")


@pytest.mark.skipif(not Path("/usr/share/datasets/fashion-mnist").is_dir(), reason="Debian's package is not installed")
def test_fashion_mnist_as_debian_has_it() -> None:
    small = ["space.arch.depth=8", "space.arch.width=2", "space.arch.timesteps=1"]
    config = planned("digits", "data=fashion-mnist", *small)
    assert config.search_space.input_shape == (1, 28, 28)


def test_changes_go_on_top_of_a_preset_that_a_file_names() -> None:
    Path("mine.yaml").write_text("space: digits\n")
    result = xoresnet("search", "mine.yaml", "space.arch.depth=8", "--dry-run", "--json")
    assert (result.code, result.err) == (0, "")
    assert result.json["config"]["space"]["arch"]["depth"] == {"basic": [8]}


# what is refused


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("digit", 2, "unknown preset 'digit'; the presets are *; did you mean 'digits'?"),
        ("folder", 2, "unknown preset 'folder'; the presets are *"),
        ("misspelt.yaml", 2, "unknown preset 'cifer'; the presets are *; did you mean 'cifar'?"),
        ("none.yaml", 2, "there is no file none.yaml"),
        ("folder.yaml", 2, "folder.yaml is a folder, not a file"),
        ("latin.yaml", 2, "latin.yaml is not a text file in UTF-8"),
        ("latin", 2, "latin is not a text file in UTF-8"),
        ("twice.yaml", 2, "twice.yaml, line 2, column 1: *budget*"),
        ("fast.yaml", 2, "fast.yaml: recipe: must be a mapping of fields, got 'fast'"),
        ("fast.yaml learning_rate=1", 2, "recipe: must be a mapping of fields, got 'fast'"),
        ("seeded.yaml", 2, "seeded.yaml: recipe.seed: is set by the search; use seed=... without recipe."),
        ("empty.yaml", 2, "empty.yaml is empty; `xoresnet search digits --dry-run` prints *"),
        ("list.yaml", 2, "list.yaml is not a mapping of fields; `xoresnet search digits --dry-run` prints *"),
        ("text.yaml", 2, "text.yaml is not a mapping of fields; `xoresnet search digits --dry-run` prints *"),
        ("broken.yaml", 2, "broken.yaml, line 1, column 14: a value that contains ': ' must be in quotes"),
        ("numbers.yaml", 2, "numbers.yaml: 3: field names must be strings"),
        ("nothing.yaml", 2, "nothing.yaml: space: required, but missing"),
        ("mixed.yaml", 2, "mixed.yaml: space.budget: unknown field; the fields are arch, recipe, constraints"),
        ("medan.yaml", 2, "medan.yaml: pruner.kind: 'medan' is not one of *; did you mean 'median'?"),
        ("mine.yaml budgt=3", 2, "budgt: unknown key; did you mean 'budget'?"),
        ("budgt=3", 2, "budgt: unknown key; did you mean 'budget'?"),
        ("digits budget", 2, "'budget' is not a setting; write key=value, for example epochs=5"),
        ("digits budget=", 2, "budget: no value given; write budget=VALUE, or budget=null to unset it"),
        ("digits trials=40", 2, "trials: is not a field any more; budget=N is the cost of N full trainings"),
        ("digits rescue=4", 2, "rescue: is not a field any more; stopped networks go on when they promise most, *"),
        ("digits prior.exploration=0.2", 2, "prior.exploration: is not a field any more; the strategy draws *"),
        ("former.yaml", 2, "former.yaml: trials: is not a field any more; budget=N is the cost of N full trainings"),
        ("former.yaml trials=3", 2, "trials: is not a field any more; budget=N is the cost of N full trainings"),
        ("digits strategy=freez-thaw", 2, "strategy: 'freez-thaw' is not one of *; did you mean 'freeze-thaw'?"),
        ("digits strategy=promotion sampler=tpe", 2,
         "sampler: has no effect with strategy=promotion; leave it out, or add strategy=classic"),
        ("digits merge=oa", 2, "merge: unknown key; did you mean 'space.arch.merge'?"),
        ("merge=oa", 2, "merge: unknown key; did you mean 'space.arch.merge'?"),
        ("digits max_params=9", 2, "max_params: unknown key; did you mean 'space.constraints.max_params'?"),
        ("digits ties=pass", 2, "ties: unknown key; did you mean 'pruner.ties'?"),
        ("digits seeds=2", 2, "seeds: unknown key; did you mean 'seed' or 'prior.seeds'?"),
        ("digits root=x", 2, "root: unknown key; did you mean 'data.root'?"),
        ("digits --budget 8", 2, "No such option '--budget'. Write budget=8 instead. (see xoresnet search --help)"),
        ("--budget=8", 2, "No such option '--budget'. Write budget=8 instead. (see *)"),
        ("digits --max-concurrent 1", 2, "No such option '--max-concurrent'. Write max_concurrent=1 instead. (see *)"),
        ("digits --data-root x", 2, "No such option '--data-root'. Write data.root=x instead. (see *)"),
        ("digits --merge", 2, "No such option '--merge'. Write space.arch.merge=VALUE instead. (see *)"),
        ("digits run=x", 2, "run=x: write --run x instead. (see xoresnet search --help)"),
        ("dry_run=true", 2, "dry_run=true: write --dry-run instead. (see xoresnet search --help)"),
        ("digits data=mnist", 2, "data.name: there is no data set 'mnist'; *; did you mean 'n-mnist'?"),
        ("digits budget=3 budget=4", 2, "budget is given twice"),
        ("digits budget=many", 2, "budget: must be a number, got 'many'"),
        ("digits budget=0", 2, "budget: must be at least 1, got 0"),
        ("digits budget=[", 2, "budget, line 1, column 2: *"),
        ("digits learning_rat=1", 2, "learning_rat: unknown key; did you mean 'learning_rate'?"),
        ("digits recipe.learning_rat=1", 2, "recipe.learning_rat: unknown field; did you mean 'learning_rate'?"),
        ("digits learning_rate=fast", 2, "recipe.learning_rate: must be a number, got 'fast'"),
        ("digits pruner.tie=pass", 2, "pruner.tie: unknown field; did you mean 'ties'?"),
        ("digits sampler=tp", 2, "sampler: 'tp' is not one of *, or a dotted path; did you mean 'tpe'?"),
        ("digits space.arch.deth=8", 2, "space.arch.deth: unknown field; did you mean 'depth'?"),
        ("digits data=dgits --dry-run", 2, "data.name: there is no data set 'dgits'; the data sets are *"),
        ("digits data=dgits --run new", 2, "data.name: there is no data set 'dgits'; *; did you mean 'digits'?"),
        ("digits data=cifar10 --run new", 1, "the data set cifar10 is not found in *; to get it: *"),
        ("digits data={name: folder, root: other} --run new", 1, "*/other contains no class folders *"),
        ("digits recipe=fast --run new", 2, "recipe: must be a mapping of fields, got 'fast'"),
        ("digits recipe=fast learning_rate=1 --run new", 2, "recipe: must be a mapping of fields, got 'fast'"),
        ("digits recipe.seed=1 --run new", 2, "recipe.seed: is set by the search; use seed=... without recipe."),
        ("digits recipe.epochs=3 --run new", 2, "epochs: conflicting values: epochs=12 and recipe.epochs=3"),
        ("digits sampler=no.such.Path --run new", 2, "sampler: 'no.such.Path' cannot be imported: *"),
        ("digits sampler=optuna.samplers.GridSampler --run new", 2, "sampler: * cannot be created without *"),
        ("digits pruner=no.such.Path --run new", 2, "pruner: 'no.such.Path' cannot be imported: *"),
        ("digits pruner.metric=val_loss --run new", 2, "pruner.metric: 'val_loss' is not one of the objectives *"),
        ("digits objectives=[val_accuracy,val_loss:min]", 2, "objectives.0: 'val_accuracy' lacks a direction: *"),
        ("digits objectives=[accuracy:max,val_loss:min]", 2, "objectives.0: 'accuracy' is not measured after *; *"),
        ("digits objectives=[val_loss:min]", 2, "objectives: a search requires at least two objectives, got 1"),
        ("digits schedule=cosine warmup_epochs=12", 2, "recipe.warmup_epochs: must be less than the 12 epochs, got 12"),
        ("digits space.constraints.max_params=10", 2, "the space is empty: *constraints (max_params 10)"),
        ("digits constraints.max_params=10", 2, "*unknown key; did you mean 'space.constraints.max_params'?"),
        ("digits warm_start=nowhere --run new", 2, "warm_start: there is no folder nowhere"),
        ("digits warm_start=other --run new", 2, "warm_start: other holds no search: it has no config.yaml"),
        ("digits warm_start=searched --run new", 1, "warm_start: none of the 0 networks on the front of searched *"),
        ("digits --rnu x", 2, "No such option '--rnu'. Did you mean '--run'? (see xoresnet search --help)"),
        ("digits --run", 2, "Option '--run' requires an argument."),
        ("digits --run other", 2, "*/other holds other files; choose another run folder"),
        ("digits --run trained", 2, "*/trained holds a training, not a search; choose another run folder"),
        ("digits --run torn", 1, "*/torn/config.yaml, line 1, column *: *; choose another run folder"),
        ("digits --run none.txt", 2, "*/none.txt is not a folder*"),
        ("digits --run none.txt/new", 1, "*/none.txt/new: Not a directory"),
        ("mine.yaml data={name: fashion-mnist, root: fashion} --run searched", 2,
         ("*/searched holds another search: space.arch.input_shape was [1, 8, 8], is [1, 28, 28]; "
          "data.name was digits, is fashion-mnist; choose another run folder*: xoresnet search --run */searched")),
        ("mine.yaml seed=1 --run searched", 2,
         "*/searched holds another search: seed was 0, is 1; choose another run folder*"),
        ("mine.yaml epochs=2 sampler=tpe --run searched", 2,
         ("*/searched holds another search: sampler was nsga2, is tpe; epochs was 3, is 2; "
          "choose another run folder*")),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence_and_nothing_is_written(
    words: str, code: int, message: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    before = contents()
    result = xoresnet("search", *re.findall(r"(?:\{[^}]*\}|\S)+", words))
    assert result.is_refusal(code, message)
    assert "Traceback" not in result.out + result.err
    assert contents() == before


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files and folders of all kinds, not to be changed."""
    place = tmp_path_factory.mktemp("place")
    texts = {
        "mine.yaml": CONFIG,
        "misspelt.yaml": "space: cifer",
        "empty.yaml": "",
        "list.yaml": "- space: digits",
        "text.yaml": "digits",
        "broken.yaml": "space: [arch]: 3",
        "numbers.yaml": "{space: digits, 3: 4}",
        "twice.yaml": "budget: 3\nbudget: 4\nspace: digits",
        "former.yaml": "space: digits\ntrials: 4",
        "fast.yaml": "space: digits\nrecipe: fast",
        "seeded.yaml": "space: digits\nrecipe: {seed: 3}",
        "nothing.yaml": "budget: 3",
        "mixed.yaml": f"{SPACE}budget: 3",
        "medan.yaml": "space: digits\npruner: medan",
        "none.txt": "a file",
        "other/notes.txt": "mine",
        "torn/config.yaml": "[a: b",
        "trained/config.yaml": write_yaml({"command": "train", "arch": {}}),
    }
    for name, text in texts.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    for name in ("folder", "folder.yaml"):
        (place / name).mkdir()
    for name in ("latin", "latin.yaml"):
        (place / name).write_bytes("space: digits  # für mich".encode("latin-1"))
    write_fashion(place / "fashion")
    with searching(SearchConfig.from_dict(read_yaml(CONFIG, "mine.yaml")), place / "searched"):
        pass
    return place


def test_every_fault_has_its_line() -> None:
    Path("bad.yaml").write_text(CONFIG.replace("budget: 7", "budget: 0").replace("sampler: nsga2", "samplr: nsga2"))
    result = xoresnet("search", "bad.yaml", "pruner.min_epochs=0")
    assert (result.code, result.out) == (2, "")
    assert sorted(result.err.splitlines()) == [
        "error: bad.yaml: budget: must be at least 1, got 0",
        "error: bad.yaml: samplr: unknown field; did you mean 'sampler'?",
        "error: pruner.min_epochs: must be at least 1, got 0",
    ]
    assert list(contents()) == ["bad.yaml"]


@pytest.mark.parametrize("storage", ["foo://bar", "redis://localhost:1"])
def test_a_storage_that_is_none_leaves_nothing_written(storage: str) -> None:
    result = xoresnet("search", "digits", f"storage={storage}", "--run", "new")
    assert result.is_refusal(result.code, f"storage: {storage}: *")
    assert result.code in (1, 2)
    assert contents() == {}


def test_presets_are_named_in_full() -> None:
    assert f"the presets are {', '.join(preset_names())}" in xoresnet("search", "qqq").err


def test_a_second_search_in_one_folder_is_refused() -> None:
    Path("mine.yaml").write_text(CONFIG)
    with claimed(Path("run")):
        before = contents()
        result = xoresnet("search", "mine.yaml", "--run", "run")
        assert result.is_refusal(1, "another process is working in */run; wait for its end, or stop it")
        assert contents() == before


# a search that has nothing left to do


@pytest.fixture
def ended() -> tuple[SearchConfig, list[str]]:
    """The folder `run` of a search whose budget is spent but for half a training; and the command that made it."""
    config = search_config(budget=4, baselines="first")
    Path("mine.yaml").write_text(write_yaml(config.model_dump(mode="json")))
    with searching(config, Path("run")) as run:
        complete(run, 0.5, 1000)
        complete(run, 0.9, 3000)
        prune(run, (0.1, 9000))
        complete(run, 0.7, 2000)
    return config, ["search", "mine.yaml", "--run", "run"]


def lines_of(result: Result) -> list[str]:
    assert result.code == 0
    assert all(line.startswith("note: ") for line in result.err.splitlines())
    return [line.rstrip() for line in result.out.splitlines()]


def test_the_front_is_shown_and_what_comes_next(ended: tuple[SearchConfig, list[str]]) -> None:
    config, command = ended
    folder = Path("run").absolute()
    networks = config.search_space.size().networks
    first, resuming, *table, why, what = lines_of(xoresnet(*command))
    assert resuming == "Resuming: 3.5 of 4 full trainings are spent."
    assert first == f"{networks} networks on digits; a budget of 4 full trainings for {folder}"
    assert table[0] == "front: 3 networks"
    assert table[1].split() == ["trial", "arch_id", "val_accuracy", "spikes_per_sample", "network"]
    assert [re.split(r" {2,}", row)[2:4] for row in table[2:]] == [
        ["50.00 %", "1,000"],
        ["70.00 %", "2,000"],
        ["90.00 %", "3,000"],
    ]
    assert why == "ended: what is left of the budget of 4 full trainings completes no network"
    assert what == f"next: xoresnet report {folder}; xoresnet export {folder}"


def test_failed_trials_are_counted_and_guessing_is_no_success() -> None:
    config = search_config(budget=2, retries=0)
    Path("mine.yaml").write_text(write_yaml(config.model_dump(mode="json")))
    with searching(config, Path("a run")) as run:
        complete(run, 0.1, 1000)
        fail(run, "it took longer than 9 s")
        complete(run, 0.12, 2000)
    result = xoresnet("search", "mine.yaml", "--run", "a run")
    folder = shlex.quote(str(Path("a run").absolute()))
    failed = f"1 of 3 trials failed: xoresnet status {folder} says why"
    assert f"ended: the budget of 2 full trainings is spent; {failed}" in lines_of(result)
    assert result.err.startswith("note: No network is clearly better than guessing (10.00 % with 10 classes; the best ")
    assert "failed: 1 x it took longer than 9 s" in xoresnet("status", "a run").out
    as_json = xoresnet("search", "mine.yaml", "--run", "a run", "--json")
    assert as_json.err == result.err
    assert as_json.json["ended"] == "the budget of 2 full trainings is spent"


def test_the_front_as_json(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    result = xoresnet(*command, "--json")
    assert (result.code, result.err) == (0, "")
    answer = result.json
    assert {name: answer[name] for name in ("run", "ended", "interrupted")} == {
        "run": str(Path("run").absolute()),
        "ended": "what is left of the budget of 4 full trainings completes no network",
        "interrupted": False,
    }
    assert [{**row, "arch_id": len(row["arch_id"])} for row in answer["front"]] == [
        {"trial_id": 0, "arch_id": 10, "val_accuracy": 0.5, "spikes_per_sample": 1000.0},
        {"trial_id": 3, "arch_id": 10, "val_accuracy": 0.7, "spikes_per_sample": 2000.0},
        {"trial_id": 1, "arch_id": 10, "val_accuracy": 0.9, "spikes_per_sample": 3000.0},
    ]


def test_the_config_of_its_folder_goes_on_with_it(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    expected = xoresnet(*command)
    assert xoresnet("search", "run/config.yaml", "--run", "run") == expected
    assert xoresnet("search", "--run", "run") == expected  # the folder is enough


def test_a_search_that_is_refused_leaves_the_configuration_as_it_was(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    assert xoresnet(*command).code == 0  # which writes the tables
    journal = Path("run/study.journal")
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size // 2])
    before = Path("run/config.yaml").read_bytes()
    Path("run/environment.json").write_bytes(b"\xff damaged")
    result = xoresnet(*command, "budget=77")
    assert result.is_refusal(1, "*; to rebuild it: xoresnet repair *")
    assert Path("run/config.yaml").read_bytes() == before


def test_a_fault_names_the_file_unless_it_is_of_the_command_line() -> None:
    Path("mine.yaml").write_text(CONFIG)
    for words, message in {
        "learning_rate=fast": "recipe.learning_rate: must be a number, got 'fast'",
        "pruner=medan": "pruner.kind: 'medan' is not one of *",
        "budget=0": "budget: must be at least 1, got 0",
    }.items():
        assert xoresnet("search", "mine.yaml", words).is_refusal(2, message)


def test_limits_may_be_lowered_and_are_kept(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    assert (
        lines_of(xoresnet(*command, "budget=2", "max_concurrent=1"))[-2]
        == "ended: the budget of 2 full trainings is spent"
    )
    saved = RunFolder(Path("run")).saved_config()
    assert saved is not None
    assert (saved.budget, saved.max_concurrent) == (2, 1)


def test_a_search_that_is_run_again_brings_its_tables_up_to_date(ended: tuple[SearchConfig, list[str]]) -> None:
    """One that was killed wrote its journal later than its tables."""
    _, command = ended
    names = ["trials.parquet", "history.parquet", "layers.parquet", "front.csv"]
    for name in names:
        (Path("run") / name).write_bytes(b"torn")
    lines_of(xoresnet(*command))
    assert list(pd.read_parquet("run/trials.parquet")["state"]) == ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE"]
    assert list(pd.read_csv("run/front.csv")["trial_id"]) == [0, 3, 1]
    before = {name: pd.read_parquet(f"run/{name}") for name in names[:3]}
    for name in names:
        (Path("run") / name).unlink()
    xoresnet(*command, "--json")
    for name, table in before.items():
        pd.testing.assert_frame_equal(pd.read_parquet(f"run/{name}"), table)


# searches that are carried out


@pytest.fixture
def here_and_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trials are run in this process with figures that are made up, instead of in Ray; all else is as ever."""
    monkeypatch.setattr(EXECUTE, made_up)


EXECUTE = "xoresnet.search.run.execute"


def made_up(bridge: TrialBridge, trainable: object, config: SearchConfig, *rest: Any) -> Outcome:
    drive(bridge, config.epochs or 3)
    return outcome(bridge, rest[-2].lifeline)


def fails(bridge: TrialBridge, trainable: object, config: SearchConfig, *rest: Any) -> Outcome:
    while bridge.next_config("only") is not None:
        bridge.on_end("only", "its worker died")
    return outcome(bridge, rest[-2].lifeline)


WIDER = CONFIG.replace("width: 2", "width: [2, 4, 6, 8, 10, 12, 14, 16]")
"""16 networks."""


def trials(folder: str) -> list[tuple[int, str]]:
    """Of the only study in the journal, without answers from the record."""
    storage = optuna.storages.JournalStorage(
        optuna.storages.journal.JournalFileBackend(str(Path(folder) / "study.journal"))
    )
    (name,) = optuna.get_all_study_names(storage)
    study = optuna.load_study(study_name=name, storage=storage)
    return [(trial.number, trial.state.name) for trial in study.trials if DUPLICATE not in trial.user_attrs]


@pytest.mark.usefixtures("here_and_now")
def test_a_search_and_the_folder_it_leaves() -> None:
    Path("mine.yaml").write_text(WIDER)
    first, *lines, why, what = lines_of(xoresnet("search", "mine.yaml", "budget=4", "--run", "my runs/mine"))
    folder = Path("my runs/mine").absolute()
    assert first == f"16 networks on digits; a budget of 4 full trainings for {folder}"
    assert [line.split()[0] for line in lines[:4]] == ["1.0/4", "2.0/4", "3.0/4", "4.0/4"]
    assert why == "ended: the budget of 4 full trainings is spent"
    following = [shlex.split(command) for command in what.removeprefix("next: ").split("; ")]  # as a shell reads them
    assert following == [["xoresnet", "report", str(folder)], ["xoresnet", "export", str(folder)]]
    assert len(trials("my runs/mine")) == 4
    kept = sorted(path.name for path in folder.iterdir())
    assert kept == [
        ".lock",
        "config.yaml",
        "environment.json",
        "front.csv",
        "history.parquet",
        "layers.parquet",
        "study.journal",
        "trials",
        "trials.parquet",
    ]


@pytest.mark.usefixtures("here_and_now")
def test_a_folder_that_was_renamed_goes_on() -> None:
    Path("mine.yaml").write_text(WIDER)
    lines_of(xoresnet("search", "mine.yaml", "budget=4", "--run", "one"))
    before = trials("one")
    Path("one").rename("other")
    assert lines_of(xoresnet("status", "other"))[0].startswith("not running: 4.0 of 4 full trainings spent ")
    assert (
        lines_of(xoresnet("search", "mine.yaml", "budget=4", "--run", "other"))[-2]
        == "ended: the budget of 4 full trainings is spent"
    )
    assert trials("other") == before
    lines_of(xoresnet("search", "mine.yaml", "budget=7", "--run", "other"))
    assert trials("other")[:4] == before
    assert len(trials("other")) == 7
    assert lines_of(xoresnet("status", "other"))[0].startswith("not running: 7.0 of 7 full trainings spent ")
    assert not Path("one").exists()


@pytest.mark.usefixtures("here_and_now")
def test_the_same_in_other_words_goes_on() -> None:
    Path("mine.yaml").write_text(WIDER)
    lines_of(xoresnet("search", "mine.yaml", "budget=3", "--run", "run"))
    longer = WIDER.replace("depth: 8", "block: [basic], depth: {basic: [8]}, xor: none").replace("0.02", "2e-2")
    Path("longer.yaml").write_text(longer.replace("data: digits", "data: {name: digits, root: }"))
    shown = lines_of(xoresnet("search", "longer.yaml", "budget=5", "--run", "run"))
    assert shown[0].endswith("; a budget of 5 full trainings for " + str(Path("run").absolute()))
    assert len(trials("run")) == 5


@pytest.mark.usefixtures("here_and_now")
def test_a_configuration_of_an_older_version_goes_on() -> None:
    Path("mine.yaml").write_text(WIDER)
    lines_of(xoresnet("search", "mine.yaml", "budget=3", "--run", "run"))
    before, path = trials("run"), Path("run/config.yaml")
    fields = read_yaml(path.read_text(), "config.yaml")
    for name in ("retries", "stop", "keep_paused", "warm_start", "study"):
        del fields[name]
    del fields["data"]["verify"]
    path.write_text(write_yaml(fields))
    assert lines_of(xoresnet("status", "run"))[0].startswith("not running: 3.0 of 3 full trainings spent ")
    lines_of(xoresnet("search", "mine.yaml", "budget=5", "--run", "run"))
    assert trials("run")[:3] == before
    assert read_yaml(path.read_text(), "config.yaml")["retries"] == 1


@pytest.mark.usefixtures("here_and_now")
def test_images_may_be_somewhere_else_but_must_be_of_the_same_kind() -> None:
    Path("mine.yaml").write_text(WIDER.replace("data: digits", "data: {name: folder, root: first}"))
    write_classes(Path("first"), per_class=6)
    lines_of(xoresnet("search", "mine.yaml", "budget=3", "--run", "run"))
    Path("first").rename("second")
    assert xoresnet("search", "mine.yaml", "budget=5", "--run", "run").is_refusal(2, "there is no folder first")
    lines_of(xoresnet("search", "mine.yaml", "budget=5", "data.root=second", "data.verify=false", "--run", "run"))
    saved = RunFolder(Path("run")).saved_config()
    assert saved is not None
    assert (saved.data.root, saved.data.verify, len(trials("run"))) == ("second", False, 5)
    write_classes(Path("third"), per_class=6, classes=("cat", "owl"))
    before = Path("run/config.yaml").read_bytes()
    assert xoresnet("search", "mine.yaml", "data.root=third", "--run", "run").is_refusal(
        2,
        "*/run holds another search: space.arch.num_classes was 3, is 2; choose another run folder*",
    )
    assert Path("run/config.yaml").read_bytes() == before


@pytest.mark.usefixtures("here_and_now")
def test_it_begins_with_the_front_of_an_earlier_run() -> None:
    Path("mine.yaml").write_text(WIDER)
    lines_of(xoresnet("search", "mine.yaml", "budget=4", "--run", "one"))
    lines = lines_of(xoresnet("search", "mine.yaml", "budget=4", "warm_start=one", "--run", "other"))
    assert re.search(r" #0 .* \(one:\d+\)$", lines[1])


@pytest.mark.usefixtures("here_and_now")
def test_it_goes_on_without_the_earlier_run() -> None:
    Path("mine.yaml").write_text(WIDER)
    lines_of(xoresnet("search", "mine.yaml", "budget=4", "--run", "one"))
    lines_of(xoresnet("search", "mine.yaml", "budget=4", "warm_start=one", "--run", "other"))
    Path("one").rename("archive")
    lines_of(xoresnet("search", "mine.yaml", "budget=5", "warm_start=one", "--run", "other"))


@pytest.mark.usefixtures("here_and_now")
@pytest.mark.parametrize("json", [[], ["--json"]])
def test_a_search_of_which_all_fails_has_failed(json: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXECUTE, fails)
    Path("mine.yaml").write_text(WIDER)
    result = xoresnet("search", "mine.yaml", "retries=0", "--run", "a run", *json)
    folder, why = Path("a run").absolute(), "the last 10 trials failed, the last one because its worker died"
    command = "xoresnet search mine.yaml retries=0 --run 'a run'"
    assert result.is_refusal(1, f"{why}; everything finished is kept in {folder}; to resume: {command}")
    if json:
        assert result.json == {"run": str(folder), "ended": why, "interrupted": False, "front": []}
    else:
        assert "ended: " not in result.out
        assert result.out.count("failed: its worker died") == 10
    assert list(pd.read_parquet("a run/trials.parquet")["state"]) == ["FAIL"] * 10
    monkeypatch.setattr(EXECUTE, made_up)
    assert lines_of(xoresnet("search", "mine.yaml", "retries=0", "--run", "a run"))  # what is left may go better


@pytest.mark.usefixtures("here_and_now")
def test_a_small_search_of_which_all_fails_has_failed_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EXECUTE, fails)
    Path("mine.yaml").write_text(CONFIG)
    assert xoresnet("search", "mine.yaml", "retries=0").code == 1


@pytest.mark.usefixtures("here_and_now")
def test_a_journal_that_is_damaged_is_one_sentence_and_left_as_it_is() -> None:
    Path("mine.yaml").write_text(WIDER)
    lines_of(xoresnet("search", "mine.yaml", "budget=4", "--run", "run"))
    journal = Path("run/study.journal")
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[:9], lines[9][:20] + b"\n", *lines[10:]]))
    before = contents()
    result = xoresnet("search", "mine.yaml", "budget=5", "--run", "run")
    damaged = "*/run/study.journal, line 10 is damaged; what follows is left out; to rebuild it: xoresnet repair */run"
    assert result.is_refusal(1, damaged)
    after = contents()
    assert {name for name in before if after[name] != before[name]} <= {"run/config.yaml"}  # it has the 5
    assert set(after) == set(before)
