"""`xoresnet search`: what its arguments mean, what it plans, what it refuses. Whole searches are in `test_run.py`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.search.commands import Result, xoresnet
from tests.search.test_search_view import complete, prune, search_config
from xoresnet.search.claim import claimed
from xoresnet.search.config import PrunerSpec, SearchConfig
from xoresnet.search.run import SearchRun
from xoresnet.search.run_folder import RunFolder
from xoresnet.space import SearchSpace, preset_names
from xoresnet.yaml_text import read_yaml, write_yaml

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
trials: 7
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
    """As `--dry-run --json` gives it, having written nothing."""
    before = contents()
    result = xoresnet("search", *words, "--dry-run", "--json")
    assert (result.code, result.err) == (0, "")
    assert contents() == before
    found: dict[str, Any] = result.json
    return found


def planned(*words: str) -> SearchConfig:
    return SearchConfig.from_dict(plan(*words)["config"])


# what would be done


def test_alone_it_is_the_preset_digits() -> None:
    found = plan()
    config = SearchConfig.from_dict(found["config"])
    assert config.search_space == SearchSpace.preset("digits")
    assert (config.data.name, config.trials, config.epochs, config.pruner.min_epochs) == ("digits", 40, 12, 3)
    assert config == SearchConfig(space=SearchSpace.preset("digits"), trials=40, epochs=12, pruner={"min_epochs": 3})
    assert found["run"] == str(Path("runs/digits").absolute())
    assert found["networks"] == 400
    assert 0 < found["estimated_epoch_seconds"] < 60
    assert set(found) == {"run", "config", "networks", "estimated_epoch_seconds"}


def test_what_would_be_done_can_be_read() -> None:
    Path("mine.yaml").write_text(CONFIG)
    before = contents()
    result = xoresnet("search", "mine.yaml", "--dry-run", "--run", "there")
    assert (result.code, result.err) == (0, "")
    assert contents() == before
    *yaml, estimate, where = result.out.splitlines()
    assert re.fullmatch(
        r"2 networks; an epoch takes about [\d.]+ (ms|s|min), a trial of 3 [\d.]+ (ms|s|min); "
        r"7 one after the other, none pruned, [\d.]+ (ms|s|min)",
        estimate,
    )
    assert where == f"nothing was trained or written; it would go to {Path('there').absolute()}"
    assert SearchConfig.from_dict(read_yaml("\n".join(yaml), "stdout")) == SearchConfig.from_dict(
        read_yaml(CONFIG, "mine.yaml")
    )


def test_a_configuration_from_a_file() -> None:
    Path("mine.yaml").write_text(CONFIG)
    found = plan("mine.yaml")
    assert found["run"] == str(Path("runs/mine").absolute())
    assert found["networks"] == 2
    assert SearchConfig.from_dict(found["config"]) == SearchConfig(
        space=read_yaml(SPACE, "space"), recipe={"learning_rate": 0.02, "batch_size": 256},
        objectives=["val_accuracy:max", "synops_per_sample:min"], sampler="nsga2",
        pruner={"min_epochs": 2, "ties": "pass"}, trials=7, epochs=3,
    )  # fmt: skip


def test_a_space_alone() -> None:
    Path("space.yaml").write_text(f"# mine\n{SPACE}recipe: {{learning_rate: [0.01, 0.02]}}\n")
    config = planned("space.yaml", "trials=3")
    assert config.search_space == SearchSpace.load("space.yaml")
    assert config == SearchConfig(space=config.space, trials=3)


def test_a_space_by_the_name_of_a_preset() -> None:
    Path("mine.yaml").write_text("space: digits\ntrials: 3\n")
    config = planned("mine.yaml")
    assert config.search_space == SearchSpace.preset("digits")
    assert (config.trials, config.epochs, config.pruner.min_epochs) == (3, None, 1)  # a preset of its own says more


def test_a_pruner_by_its_kind_alone_in_a_file_elsewhere() -> None:
    Path("deep").mkdir()
    Path("deep/mine.yml").write_text(CONFIG.replace("{min_epochs: 2, ties: pass}", "hyperband"))
    found = plan("deep/mine.yml")
    assert SearchConfig.from_dict(found["config"]).pruner == PrunerSpec(kind="hyperband")
    assert found["run"] == str(Path("runs/mine").absolute())


def test_the_config_of_a_run_given_back() -> None:
    config = SearchConfig.from_dict({**read_yaml(CONFIG, "mine.yaml"), "storage": "sqlite:///x.db", "retries": 3})
    folder = RunFolder(Path("runs/first"))
    with folder.opened(config):
        pass
    assert planned("runs/first/config.yaml") == config
    assert planned("runs/first/config.yaml", "trials=12") == config.replace(trials=12)


def test_what_is_printed_can_be_given_back() -> None:
    Path("space.yaml").write_text(SPACE)
    first = plan("space.yaml", "trials=3", "data.validation_seed=1")["config"]
    Path("again.yaml").write_text(write_yaml(first))
    assert plan("again.yaml")["config"] == first


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        (
            "trials=3 epochs=4 seed=5 sampler=random storage=sqlite:///x.db time_budget=9 --address auto",
            {"trials": 3, "epochs": 4, "seed": 5, "sampler": "random", "storage": "sqlite:///x.db", "time_budget": 9,
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
    assert planned("mine.yaml", *given) == plain.replace(**changes)


# what is refused


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("digit", 2, "there is no preset 'digit': there are *; did you mean 'digits'?"),
        ("folder", 2, "there is no preset 'folder': there are *"),
        ("misspelt.yaml", 2, "there is no preset 'cifer': there are *; did you mean 'cifar'?"),
        ("none.yaml", 1, "none.yaml: No such file or directory"),
        ("folder.yaml", 1, "folder.yaml: Is a directory"),
        ("empty.yaml", 2, "empty.yaml is no mapping of fields"),
        ("list.yaml", 2, "list.yaml is no mapping of fields"),
        ("text.yaml", 2, "text.yaml is no mapping of fields"),
        ("broken.yaml", 2, "broken.yaml, line 1, column 14: mapping values are not allowed here"),
        ("numbers.yaml", 2, "3: field names are strings"),
        ("nothing.yaml", 2, "space: required, but missing"),
        ("mixed.yaml", 2, "space.trials: unknown field; the fields are arch, recipe, constraints"),
        ("medan.yaml", 2, "pruner.kind: 'medan' is not one of *; did you mean 'median'?"),
        ("mine.yaml trails=3", 2, "trails: unknown key; did you mean 'trials'?"),
        ("trails=3", 2, "trails: unknown key; did you mean 'trials'?"),
        ("digits trials", 2, "'trials' is no setting: write key=value, like epochs=5"),
        ("digits trials=3 trials=4", 2, "trials is given twice"),
        ("digits trials=many", 2, "trials: must be a whole number, got 'many'"),
        ("digits trials=0", 2, "trials: must be at least 1, got 0"),
        ("digits trials=[", 2, "trials, line 1, column 2: *"),
        ("digits learning_rat=1", 2, "learning_rat: unknown key; did you mean 'learning_rate'?"),
        ("digits recipe.learning_rat=1", 2, "recipe.learning_rat: unknown field; did you mean 'learning_rate'?"),
        ("digits learning_rate=fast", 2, "recipe.learning_rate: must be a number, got 'fast'"),
        ("digits pruner.tie=pass", 2, "pruner.tie: unknown field; did you mean 'ties'?"),
        ("digits sampler=tp", 2, "sampler: 'tp' is not one of *, or a dotted path; did you mean 'tpe'?"),
        ("digits space.arch.deth=8", 2, "space.arch.deth: unknown field; did you mean 'depth'?"),
        ("digits data=dgits --dry-run", 2, "there is no data set 'dgits': there are digits, fashion-mnist, *"),
        ("digits --rnu x", 2, "No such option '--rnu'. Did you mean '--run'? (see xoresnet search --help)"),
        ("digits --run", 2, "Option '--run' requires an argument."),
        ("digits --run other", 2, "*/other holds other files: choose another folder with --run"),
        ("digits --run trained", 2, "*/trained holds something else: choose another folder with --run"),
        ("digits --run torn", 1, "*/torn/config.yaml, line 1, column 6: *"),
        ("digits --run none.txt", 1, "*/none.txt: File exists"),
        ("mine.yaml seed=1 --run searched", 2,
         "*/searched holds another search: seed was 0, is 1; choose another folder with --run"),
        ("mine.yaml epochs=2 sampler=tpe --run searched", 2,
         "*/searched holds another search: sampler was nsga2, is tpe; epochs was 3, is 2; choose another folder *"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence_and_nothing_is_written(words: str, code: int, message: str) -> None:
    texts = {
        "mine.yaml": CONFIG, "misspelt.yaml": "space: cifer", "empty.yaml": "", "list.yaml": "- space: digits",
        "text.yaml": "digits", "broken.yaml": "space: [arch]: 3", "numbers.yaml": "{space: digits, 3: 4}",
        "nothing.yaml": "trials: 3", "mixed.yaml": f"{SPACE}trials: 3",
        "medan.yaml": "space: digits\npruner: medan", "none.txt": "a file",
        "other/notes.txt": "mine", "torn/config.yaml": "[a: b",
        "trained/config.yaml": write_yaml({"command": "train", "arch": {}}),
    }  # fmt: skip
    for name, text in texts.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    Path("folder").mkdir()
    Path("folder.yaml").mkdir()
    with RunFolder(Path("searched")).opened(SearchConfig.from_dict(read_yaml(CONFIG, "mine.yaml"))):
        pass
    before = contents()
    result = xoresnet("search", *words.split())
    assert result.is_refusal(code, message)
    assert "Traceback" not in result.out + result.err
    assert contents() == before


def test_every_fault_has_its_line() -> None:
    Path("bad.yaml").write_text(CONFIG.replace("trials: 7", "trials: 0").replace("sampler: nsga2", "samplr: nsga2"))
    result = xoresnet("search", "bad.yaml", "pruner.min_epochs=0")
    assert (result.code, result.out) == (2, "")
    assert sorted(result.err.splitlines()) == [
        "error: pruner.min_epochs: must be at least 1, got 0",
        "error: samplr: unknown field; did you mean 'sampler'?",
        "error: trials: must be at least 1, got 0",
    ]
    assert list(contents()) == ["bad.yaml"]


def test_presets_are_named_in_full() -> None:
    assert f"there are {', '.join(preset_names())}" in xoresnet("search", "qqq").err


def test_a_second_search_in_one_folder_is_refused() -> None:
    Path("mine.yaml").write_text(CONFIG)
    with claimed(Path("run"), "searching"):
        before = contents()
        result = xoresnet("search", "mine.yaml", "--run", "run")
        assert result.is_refusal(1, "another process is searching in */run")
        assert contents() == before


# a search that has nothing left to do


@pytest.fixture
def ended() -> tuple[SearchConfig, list[str]]:
    """The folder `run` of a search of four trials, of which all are finished; and the command that made it."""
    config, folder = search_config(trials=4, baselines=True), RunFolder(Path("run"))
    Path("mine.yaml").write_text(write_yaml(config.model_dump(mode="json")))
    with folder.opened(config):
        run = SearchRun(config, folder)
        complete(run, 0.5, 1000)
        complete(run, 0.9, 3000)
        prune(run, (0.1, 9000))
        complete(run, 0.7, 2000)
    return config, ["search", "mine.yaml", "--run", "run"]


def said(result: Result) -> list[str]:
    assert (result.code, result.err) == (0, "")
    return [line.rstrip() for line in result.out.splitlines()]


def test_the_front_is_shown_and_what_comes_next(ended: tuple[SearchConfig, list[str]]) -> None:
    config, command = ended
    folder = Path("run").absolute()
    networks = config.search_space.size().networks
    first, *table, why, what = said(xoresnet(*command))
    assert first == f"{networks} networks on digits; 4 trials into {folder}"
    assert table[0] == "front: 3 networks"
    assert table[1].split() == ["trial", "arch_id", "val_accuracy", "spikes_per_sample", "network"]
    assert [re.split(r" {2,}", row)[2:4] for row in table[2:]] == [
        ["50.00 %", "1,000"], ["70.00 %", "2,000"], ["90.00 %", "3,000"],
    ]  # fmt: skip
    assert why == "ended: 4 trials are finished"
    assert what == f"next: xoresnet status {folder}"


def test_the_front_as_json(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    result = xoresnet(*command, "--json")
    assert (result.code, result.err) == (0, "")
    found = result.json
    assert {name: found[name] for name in ("run", "ended", "interrupted")} == {
        "run": str(Path("run").absolute()), "ended": "4 trials are finished", "interrupted": False,
    }  # fmt: skip
    assert [{**row, "arch_id": len(row["arch_id"])} for row in found["front"]] == [
        {"trial_id": 0, "arch_id": 10, "val_accuracy": 0.5, "spikes_per_sample": 1000.0},
        {"trial_id": 3, "arch_id": 10, "val_accuracy": 0.7, "spikes_per_sample": 2000.0},
        {"trial_id": 1, "arch_id": 10, "val_accuracy": 0.9, "spikes_per_sample": 3000.0},
    ]


def test_the_config_of_its_folder_goes_on_with_it(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    assert xoresnet("search", "run/config.yaml", "--run", "run") == xoresnet(*command)


def test_limits_may_be_lowered_and_are_kept(ended: tuple[SearchConfig, list[str]]) -> None:
    _, command = ended
    assert said(xoresnet(*command, "trials=2", "max_concurrent=1"))[-2] == "ended: 4 trials are finished"
    saved = RunFolder(Path("run")).saved_config()
    assert saved is not None
    assert (saved["trials"], saved["max_concurrent"]) == (2, 1)
