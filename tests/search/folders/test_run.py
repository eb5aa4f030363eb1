"""The folder of a search: what it keeps, with which configurations it goes on, and what it refuses untouched."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.search.test_config import CLASSIC, FULL, SPACE
from xoresnet.errors import NoRunError, RunError, XOResNetError
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.search.config import MAY_CHANGE, SearchConfig
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.differences import differences
from xoresnet.search.folders.run import RunFolder
from xoresnet.space import SearchSpace

PLAIN = SearchConfig(space=SPACE)
PLAIN_CLASSIC = SearchConfig(space=SPACE, strategy="classic")


def with_other(field: str) -> tuple[SearchConfig, SearchConfig]:
    """A plain configuration, and the same with another value of this field."""
    if field == "strategy":
        return PLAIN, PLAIN.replace(strategy="promotion")
    plain, full = (PLAIN_CLASSIC, CLASSIC) if field in ("sampler", "pruner") else (PLAIN, FULL)
    return plain, plain.replace(**{field: getattr(full, field)})


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every file and folder there is."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def begin(folder: RunFolder, config: SearchConfig = PLAIN) -> SearchConfig:
    """A search that ended at once; what it was told, with the name of its study."""
    with folder.opened(config) as named:
        return named


def another_search(run: Path, difference: str) -> str:
    """The sentence for a folder that holds another search."""
    what = f"{run} holds another search: {difference}"
    return f"{what}; choose another run folder, or continue that search: xoresnet search --run {run}"


def refused(folder: RunFolder, config: SearchConfig) -> XOResNetError:
    """What is said; nothing is written."""
    before = contents(folder.path.parent)
    with pytest.raises(XOResNetError) as caught, folder.opened(config):
        raise AssertionError
    with pytest.raises(XOResNetError) as again:
        folder.check(config)
    assert str(again.value) == str(caught.value)
    assert contents(folder.path.parent) == before
    assert "\n" not in str(caught.value)
    return caught.value


def edited(folder: RunFolder, change: Callable[[dict[str, Any]], object]) -> None:
    """As another version, or the user, would have written its configuration."""
    path = folder.path / "config.yaml"
    fields = read_yaml(path.read_text(encoding="utf-8"), "config.yaml")
    change(fields)
    path.write_text(write_yaml(fields), encoding="utf-8")


# what it keeps


@pytest.mark.parametrize("config", [PLAIN, FULL, CLASSIC], ids=["defaults", "everything", "classic"])
def test_what_the_search_was_told(config: SearchConfig, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.saved_config() is None
    named = begin(folder, config)
    assert named == config.replace(study=config.study or "run")
    assert folder.saved_config() == named
    assert sorted(contents(folder.path)) == [
        str(folder.path / name) for name in (".lock", "config.yaml", "environment.json")
    ]


def test_facts_are_noted_beside_the_machine(tmp_path: Path) -> None:
    folder, facts = RunFolder(tmp_path / "run"), {"data": {"classes": 3, "validation_images": 150}}
    with folder.opened(PLAIN, facts):
        noted = json.loads((folder.path / "environment.json").read_text())
    assert noted["data"] == facts["data"]
    assert {"python", "platform", "packages"} < set(noted)


def test_checking_writes_nothing_and_gives_what_opening_gives(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.check(PLAIN) == PLAIN.replace(study="run")
    assert contents(tmp_path) == {}
    begin(folder, PLAIN.replace(study="mine"))
    before = contents(tmp_path)
    assert folder.check(PLAIN) == PLAIN.replace(study="mine")
    assert contents(tmp_path) == before


def test_it_is_the_same_folder_wherever_one_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folder = RunFolder(Path("run"))
    monkeypatch.chdir("/")
    assert folder.path == tmp_path / "run"


def test_it_is_busy_as_long_as_it_is_open(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.opened(PLAIN):
        assert folder.is_busy()
    assert not folder.is_busy()


def test_whether_it_is_busy_is_asked_without_a_trace(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_busy()
    assert contents(tmp_path) == {}


# going on


OTHER: dict[str, Any] = {
    "budget": 90.5, "cost": "epochs", "stop": "plateau", "keep_paused": 2, "confirm_seeds": 7,
    "keep_weights": "front", "time_budget": 3.0,
    "trial_seconds": 4.0, "retries": 5, "cpus_per_trial": 6, "gpus_per_trial": 0.5, "max_concurrent": 8,
    "address": "auto", "data.root": "elsewhere", "data.verify": False, "loggers": ("tensorboard",),
}  # fmt: skip


def changed(config: SearchConfig, key: str, value: object) -> SearchConfig:
    """With another value of a field, or of a field within a field."""
    outer, _, inner = key.partition(".")
    return config.replace(**{outer: getattr(config, outer).replace(**{inner: value}) if inner else value})


def test_what_may_change_are_fields() -> None:
    assert set(OTHER) == MAY_CHANGE
    for key, value in OTHER.items():
        before, now = (config.model_dump(mode="json") for config in (PLAIN, changed(PLAIN, key, value)))
        assert [field for field, _ in differences(before, now)] == [key]


@pytest.mark.parametrize("key", sorted(MAY_CHANGE))
def test_a_search_goes_on_with_other_limits_and_resources(key: str, tmp_path: Path) -> None:
    folder, other = RunFolder(tmp_path / "run"), changed(PLAIN, key, OTHER[key])
    begin(folder)
    assert begin(folder, other) == other.replace(study="run")
    assert folder.saved_config() == other.replace(study="run")
    assert begin(folder) == PLAIN.replace(study="run")  # and back


@pytest.mark.parametrize("field", sorted(set(SearchConfig.model_fields) - MAY_CHANGE))
def test_all_else_is_another_search(field: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    plain, other = with_other(field)
    begin(folder, plain)
    error = refused(folder, other)
    assert str(error).startswith(f"{tmp_path}/run holds another search: {field}")
    assert type(error) is NoRunError


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"epochs": 3}, "epochs was not set, is 3"),
        ({"seed": 1}, "seed was 0, is 1"),
        ({"data": "cifar10"}, "data.name was digits, is cifar10"),
        ({"data": {"validation_seed": 1, "root": "x"}}, "data.validation_seed was 0, is 1"),
        ({"recipe": {"learning_rate": 0.5}}, "recipe.learning_rate was not set, is 0.5"),
        ({"space": {"arch": {**SPACE["arch"], "depth": 14}}}, "space.arch.depth.basic was [8], is [14]"),
        (
            {"strategy": "promotion", "baselines": "none"},
            "strategy was freeze-thaw, is promotion; baselines was candidates, is none",
        ),
        ({"storage": "sqlite:////data/x.db"}, "storage was not set, is sqlite:////data/x.db"),
        ({"study": "other"}, "study was run, is other"),
    ],
)
def test_another_search_is_refused_with_what_differs(changes: dict[str, Any], difference: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    error = refused(folder, PLAIN.replace(budget=60, **changes))
    assert str(error) == another_search(tmp_path / "run", difference)
    assert type(error) is NoRunError


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"sampler": "random"}, "sampler was tpe, is random"),
        ({"pruner": {"ties": "pass"}}, "pruner.ties was epsilon-net, is pass"),
    ],
)
def test_so_is_a_classic_one(changes: dict[str, Any], difference: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder, PLAIN_CLASSIC)
    error = refused(folder, PLAIN_CLASSIC.replace(**changes))
    assert str(error) == another_search(tmp_path / "run", difference)


@pytest.mark.parametrize(
    "space",
    [
        {"arch": {**SPACE["arch"], "depth": {"basic": [8]}, "block": ["basic"], "xor": "none"}},
        {"arch": {**SPACE["arch"], "input_shape": (1, 8, 8), "width": (4, 8)}, "recipe": None, "constraints": {}},
        SearchSpace.from_dict(SPACE),
        SearchSpace.from_dict(SPACE).to_dict(),
    ],
    ids=["longer", "other lists", "an object", "as it is written"],
)
def test_the_same_space_in_other_words(space: Any, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    assert begin(folder, SearchConfig(space=space, budget=60)).budget == 60


def test_the_same_preset_by_its_name(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder, SearchConfig(space="digits"))
    begin(folder, SearchConfig(space=SearchSpace.preset("digits")))


def test_the_same_numbers_in_other_words(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder, PLAIN.replace(recipe={"learning_rate": 1, "clip_norm": None}, time_budget=60))
    begin(folder, PLAIN.replace(recipe={"clip_norm": None, "learning_rate": 1.0}, time_budget=60.0))


# renamed, and made by another version


def test_a_folder_that_was_renamed_has_its_study(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    moved = RunFolder(folder.path.rename(tmp_path / "moved"))
    assert begin(moved, PLAIN.replace(budget=60)).study == "run"
    saved = moved.saved_config()
    assert saved is not None
    assert (saved.study, saved.budget) == ("run", 60)


OLDER = [name for name, field in SearchConfig.model_fields.items() if not field.is_required()]


@pytest.mark.parametrize("field", OLDER)
def test_a_field_that_its_version_did_not_have_had_the_default(field: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    plain, other = with_other(field)
    begin(folder, plain)
    edited(folder, lambda fields: fields.pop(field))
    expected = plain.replace(study=None if field == "study" else "run")
    assert folder.saved_config() == expected
    begin(folder, plain)
    if field not in {*MAY_CHANGE, "study"}:
        edited(folder, lambda fields: fields.pop(field))
        refused(folder, other)


def as_before_strategies(fields: dict[str, Any]) -> None:
    """In the words of the versions whose budget was a number of trials."""
    for name in ("strategy", "stop", "keep_paused"):
        fields.pop(name)
    fields["trials"] = int(fields.pop("budget"))
    fields["baselines"] = fields["baselines"] != "none"
    fields["rescue"], fields["prior"] = 2, {"kind": "none", "exploration": 0.1}


@pytest.mark.parametrize("baselines", ["first", "none"])
def test_a_search_whose_budget_was_a_number_of_trials_is_a_classic_one(baselines: str, tmp_path: Path) -> None:
    folder, today = RunFolder(tmp_path / "run"), CLASSIC.replace(budget=12, baselines=baselines)
    named = begin(folder, today)
    edited(folder, as_before_strategies)
    assert folder.saved_config() == named
    assert begin(folder, today) == named
    edited(folder, as_before_strategies)
    assert "strategy was classic, is freeze-thaw" in str(refused(folder, PLAIN))


@pytest.mark.parametrize("key", ["data.verify", "pruner.brackets", "space.arch.logic_gradient", "space.arch.neuron"])
def test_nor_a_field_within_a_field(key: str, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    named = begin(folder, PLAIN_CLASSIC)

    def forget(fields: dict[str, Any]) -> None:
        *outer, last = key.split(".")
        for name in outer:
            fields = fields[name]
        del fields[last]

    edited(folder, forget)
    assert folder.saved_config() == named
    assert begin(folder, PLAIN_CLASSIC) == named


def test_a_folder_of_an_older_version_may_be_renamed_once_it_has_gone_on(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    edited(folder, lambda fields: fields.pop("study"))
    assert begin(folder).study == "run"
    moved = RunFolder(folder.path.rename(tmp_path / "moved"))
    assert begin(moved).study == "run"


def test_a_field_of_a_newer_version(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    edited(folder, lambda fields: fields.update(colour="red"))
    error = refused(folder, PLAIN)
    assert str(error).startswith(f"{tmp_path}/run/config.yaml is not a configuration of this version: colour: unknown")
    assert str(error).endswith("; choose another run folder")
    assert type(error) is RunError


# its id, and passwords


def test_a_run_has_an_id_of_its_own(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path / "one"), RunFolder(tmp_path / "other")
    assert first.run_id() is None
    begin(first)
    begin(second)
    run_id = first.run_id()
    assert run_id not in (None, second.run_id())
    begin(first, PLAIN.replace(budget=60))
    assert first.run_id() == run_id
    assert RunFolder(first.path.rename(tmp_path / "moved")).run_id() == run_id
    edited(second, lambda fields: fields.pop("run_id"))  # of an earlier version
    assert second.run_id() is None
    begin(second)
    assert second.run_id() is not None


SECRET = "postgresql://ann:tops3cret@db.lab/studies"


@pytest.mark.parametrize("storage", [SECRET, SECRET.replace("tops3cret", "${PW}"), None])
def test_only_the_owner_may_read_a_password(storage: str | None, tmp_path: Path) -> None:
    """Whatever the mask is, and also where an earlier version left the file open to all."""
    folder = RunFolder(tmp_path / "run")
    for _ in range(2):
        begin(folder, PLAIN.replace(storage=storage))
        mode = (folder.path / "config.yaml").stat().st_mode & 0o777
        assert mode == (0o600 if storage == SECRET else 0o666 & ~umask())
        (folder.path / "config.yaml").chmod(0o644)


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("shown", ["postgresql://ann:***@db.lab/studies", SECRET])
def test_a_hidden_password_stands_for_the_one_that_the_run_has(shown: str, tmp_path: Path) -> None:
    """So that the command that an interrupted search prints can be used as it is."""
    folder = RunFolder(tmp_path / "run")
    begin(folder, PLAIN.replace(storage=SECRET))
    assert begin(folder, PLAIN.replace(storage=shown, budget=60)).storage == SECRET
    saved = folder.saved_config()
    assert saved is not None
    assert (saved.storage, saved.budget) == (SECRET, 60)


def test_a_database_may_get_another_password(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder, PLAIN.replace(storage=SECRET))
    for password in ("n3w", "${PW}"):
        other = PLAIN.replace(storage=SECRET.replace("tops3cret", password))
        assert begin(folder, other).storage == other.storage
    error = refused(folder, PLAIN.replace(storage=SECRET.replace("studies", "others")))
    difference = "storage was postgresql://ann@db.lab/studies, is postgresql://ann@db.lab/others"
    assert str(error) == another_search(tmp_path / "run", difference)


def test_a_hidden_password_that_nobody_knows(tmp_path: Path) -> None:
    folder, shown = RunFolder(tmp_path / "run"), "postgresql://ann:***@db.lab/studies"
    sentence = f"storage: {shown}: this run has no password for ***; write it, or ${{VAR}} for a variable"
    assert str(refused(folder, PLAIN.replace(storage=shown))) == sentence
    begin(folder)
    assert str(refused(folder, PLAIN.replace(storage=shown))) == sentence


@pytest.mark.parametrize(
    ("storage", "absolute"),
    [
        ("sqlite:///studies.db", "sqlite:///{here}/studies.db"),
        ("sqlite+pysqlite:///deep/my studies.db?timeout=5", "sqlite+pysqlite:///{here}/deep/my studies.db?timeout=5"),
        ("sqlite:////data/studies.db", "sqlite:////data/studies.db"),
        ("sqlite:///file:studies.db?uri=true", "sqlite:///file:studies.db?uri=true"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("sqlite://", "sqlite://"),
        ("postgresql:///studies", "postgresql:///studies"),
        ("${STUDIES}", "${STUDIES}"),
    ],
)
def test_a_database_in_a_file_is_found_from_everywhere(
    storage: str, absolute: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, config = RunFolder(tmp_path / "run"), PLAIN.replace(storage=storage)
    absolute = absolute.replace("{here}", str(tmp_path))
    assert begin(folder, config).storage == absolute
    assert begin(folder, config).storage == absolute
    edited(folder, lambda fields: fields.update(storage=storage))  # as earlier versions wrote it
    assert begin(folder, config).storage == absolute
    monkeypatch.chdir("/")
    if absolute != storage:  # another file
        assert "holds another search: storage was " in str(refused(folder, config))


def test_a_configuration_shows_no_password() -> None:
    config = PLAIN.replace(storage=SECRET)
    for text in (repr(config), str(config), str(config.shown_fields())):
        assert "tops3cret" not in text
        assert "postgresql://ann:***@db.lab/studies" in text
    assert config.storage == SECRET


# what it refuses


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("config.yaml", b"[a: b", "{path}/config.yaml, line 1, column 1: "),
        ("config.yaml", b"command: search # \xe9\n", "{path}/config.yaml cannot be read: 'utf-8' codec "),
        ("config.yaml", b"", "{path} holds no search: its config.yaml was not written by one"),
        ("config.yaml", b"- command: search", "{path} holds no search: its config.yaml was not written by one"),
        ("config.yaml", b"command: train", "{path} holds a training, not a search"),
        ("config.yaml", b"space: digits", "{path} holds no search: its config.yaml was not written by one"),
        (
            "config.yaml", b"{command: search, budget: 0, sed: 3}",
            ("{path}/config.yaml is not a configuration of this version: space: required, but missing; "
             "budget: must be at least 1, got 0; sed: unknown field; did you mean 'seed'?"),
        ),
        ("notes.txt", b"mine", "{path} holds other files"),
        ("config.yaml/notes.txt", b"mine", "{path}/config.yaml cannot be read: "),
    ],
)  # fmt: skip
def test_a_folder_of_something_else(name: str, content: bytes, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "run" / name
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(XOResNetError) as caught:
        folder.saved_config()
    assert str(caught.value).startswith(sentence.format(path=folder.path))
    assert type(caught.value) is (NoRunError if " holds " in sentence else RunError)
    error = refused(folder, PLAIN)
    assert str(error) == f"{caught.value}; choose another run folder"
    assert type(error) is type(caught.value)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    error = refused(RunFolder(tmp_path / "run"), PLAIN)
    assert str(error).startswith(f"{tmp_path}/run is not a folder")
    assert type(error) is NoRunError


def test_what_to_do_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("mine")
    assert str(refused(RunFolder(tmp_path / "run"), PLAIN)).count("choose another run folder") == 1


def test_an_empty_folder_and_one_with_hidden_files_are_free(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".config.yaml.x1y2").touch()  # of a process that was killed
    assert begin(RunFolder(tmp_path / "run")) == PLAIN.replace(study="run")


def test_the_folder_of_another_process(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    with claimed(folder.path):
        before = contents(tmp_path)
        with pytest.raises(
            XOResNetError, match=f"^another process is working in {folder.path}; wait for its end, or stop it$"
        ) as caught:
            begin(folder, PLAIN.replace(budget=60))
        assert contents(tmp_path) == before
    assert type(caught.value) is RunError


def test_it_is_free_again_after_a_search_that_raised(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with pytest.raises(ZeroDivisionError), folder.opened(PLAIN):
        raise ZeroDivisionError
    assert not folder.is_busy()
    assert begin(folder) == PLAIN.replace(study="run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_configuration_that_may_not_be_read(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begin(folder)
    (folder.path / "config.yaml").chmod(0)
    with pytest.raises(XOResNetError, match=r"config\.yaml cannot be read: "):
        folder.saved_config()


def test_a_folder_for_each_trial(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.trial(7, "3f9c2a1b0d").path == tmp_path / "run" / "trials" / "0007-3f9c2a1b0d"
    assert folder.trial(12345, "3f9c2a1b0d").path.name == "12345-3f9c2a1b0d"
