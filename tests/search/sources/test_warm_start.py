"""A search that begins with what an earlier one found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.search.command_line import xoresnet
from tests.search.folders.test_run import contents
from tests.search.runs import drive
from tests.search.views.test_search import searching
from xoresnet.errors import RunError
from xoresnet.search.config import SearchConfig
from xoresnet.search.run import SearchRun
from xoresnet.search.sources.warm_start import earlier_front
from xoresnet.search.study.front import front_of
from xoresnet.search.study.lines import guarded

ARCH: dict[str, Any] = {
    "input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8, 16], "merge": ["or", "add"],
    "timesteps": [1, 2, 4],
}  # fmt: skip


def config(arch: dict[str, Any] | None = None, **fields: Any) -> SearchConfig:
    space = {"arch": {**ARCH, **(arch or {})}, **fields.pop("space", {})}
    return SearchConfig.from_dict({"space": space, "epochs": 3, "baselines": "none", **fields})


def search(path: Path, told: SearchConfig) -> SearchRun:
    """Carried out to its end."""
    with searching(told, path) as run:
        drive(run.bridge)
    return run


def test_networks_of_the_earlier_front_come_first_in_its_order(tmp_path: Path) -> None:
    earlier = search(tmp_path / "earlier", config(budget=5, pruner={"kind": "none"}))
    front = front_of(earlier.study)
    assert len(front) > 1
    later = search(tmp_path / "later", config(budget=8, warm_start=str(tmp_path / "earlier")))
    for trial, known in zip(later.study.trials, front, strict=False):
        assert trial.user_attrs["arch_id"] == known.arch_id
        assert trial.user_attrs["source"] == f"earlier:{known.number}"
    assert all("source" not in trial.user_attrs for trial in later.study.trials[len(front) :][:1])


def test_for_other_images_and_classes(tmp_path: Path) -> None:
    search(tmp_path / "earlier", config(budget=3))
    other = config({"input_shape": [3, 32, 32], "num_classes": 100}, warm_start=str(tmp_path / "earlier"))
    for _, arch, _ in earlier_front(str(tmp_path / "earlier"), other.search_space):
        assert (arch.input_shape, arch.num_classes) == ((3, 32, 32), 100)


def test_what_the_new_space_lacks_is_left_out(tmp_path: Path) -> None:
    earlier = search(tmp_path / "earlier", config(budget=18, pruner={"kind": "none"}))
    widths = {trial.arch.width for trial in front_of(earlier.study)}
    assert len(widths) > 1
    narrow = config({"width": min(widths)}).search_space
    starts = earlier_front(str(tmp_path / "earlier"), narrow)
    assert {start.arch.width for start in starts} == {min(widths)}
    with pytest.raises(RunError, match=r"none of the \d+ networks on the front of .*earlier is in this space"):
        earlier_front(str(tmp_path / "earlier"), config({"width": 32}).search_space)


def test_the_earlier_recipe_comes_along_where_the_space_varies_it(tmp_path: Path) -> None:
    varied = {"recipe": {"learning_rate": {"low": 0.001, "high": 0.1, "log": True}}}
    earlier = search(tmp_path / "earlier", config(budget=3, space=varied))
    first = front_of(earlier.study)[0]
    later = search(tmp_path / "later", config(budget=3, space=varied, warm_start=str(tmp_path / "earlier")))
    assert later.study.trials[0].params == first.trial.params
    lower = {"recipe": {"learning_rate": {"low": 0.0001, "high": 0.0002}}}  # the earlier rates are out of range
    other = search(tmp_path / "other", config(budget=3, space=lower, warm_start=str(tmp_path / "earlier")))
    assert other.study.trials[0].user_attrs["arch_id"] == first.arch_id
    assert 0.0001 <= other.study.trials[0].params["recipe.learning_rate"] <= 0.0002


def test_looking_at_the_earlier_run_changes_nothing_there(tmp_path: Path) -> None:
    search(tmp_path / "earlier", config(budget=3))
    before = contents(tmp_path)
    earlier_front(str(tmp_path / "earlier"), config().search_space)
    assert contents(tmp_path) == before


def test_an_earlier_run_that_was_renamed_goes_by_its_new_name(tmp_path: Path) -> None:
    search(tmp_path / "earlier", config(budget=3))
    names = [start.name for start in earlier_front(str(tmp_path / "earlier"), config().search_space)]
    (tmp_path / "earlier").rename(tmp_path / "renamed")
    starts = earlier_front(str(tmp_path / "renamed"), config().search_space)
    assert [start.name for start in starts] == [name.replace("earlier", "renamed") for name in names]


def test_an_earlier_run_that_still_goes_on(tmp_path: Path) -> None:
    """Its last line may be half written."""
    search(tmp_path / "earlier", config(budget=3))
    expected = earlier_front(str(tmp_path / "earlier"), config().search_space)
    with (tmp_path / "earlier" / "study.journal").open("ab") as journal:
        journal.write(b'{"op_code":5,"wor')
    assert earlier_front(str(tmp_path / "earlier"), config().search_space) == expected


def test_an_earlier_run_with_its_study_elsewhere(tmp_path: Path) -> None:
    elsewhere = config(budget=3, storage=f"sqlite:///{tmp_path}/studies.db")
    search(tmp_path / "earlier", elsewhere)
    assert earlier_front(str(tmp_path / "earlier"), config().search_space)
    (tmp_path / "studies.db").unlink()
    with pytest.raises(RunError, match=r"^warm_start: the study .* is missing or empty, .*; restore the database$"):
        earlier_front(str(tmp_path / "earlier"), config().search_space)
    assert not (tmp_path / "studies.db").exists()


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("none", None, "warm_start: there is no folder {path}/none"),
        ("none/config.yaml", None, "warm_start: there is no folder {path}/none/config.yaml"),
        ("none/config.yaml", "command: train\n", "warm_start: {path}/none holds a training, not a search"),
        ("none/notes.txt", "mine", "warm_start: {path}/none holds no search: it has no config.yaml"),
        ("none/config.yaml", "[a: b", "warm_start: {path}/none/config.yaml, line 1, column 1: "),
        ("none/config.yaml", "command: search\n", "warm_start: {path}/none/config.yaml is not a configuration"),
    ],
)
def test_a_folder_that_holds_no_search(name: str, content: str | None, sentence: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    if content is not None:
        folder.parent.mkdir()
        folder.write_text(content)
        folder = folder.parent
    with pytest.raises(RunError) as caught:
        earlier_front(str(folder), config().search_space)
    assert str(caught.value).startswith(sentence.format(path=tmp_path))


def test_a_search_that_has_no_study_yet(tmp_path: Path) -> None:
    with searching(config(), tmp_path / "begun") as run:
        pass
    (run.folder.path / "study.journal").unlink()
    with pytest.raises(RunError, match=r"^warm_start: .* holds a search that has no study yet$"):
        earlier_front(str(run.folder.path), config().search_space)


@pytest.mark.parametrize(("attribute", "what"), [("arch", "network"), ("recipe", "recipe")])
def test_an_earlier_run_of_another_version(attribute: str, what: str, tmp_path: Path) -> None:
    """Its networks have a field that this version does not know."""
    search(tmp_path / "earlier", config(budget=1))
    journal = tmp_path / "earlier" / "study.journal"
    entries = [json.loads(line) for line in journal.read_text().splitlines()]
    for entry in entries:
        del entry["line"], entry["crc32"]
        attributes = entry.get("user_attr", {})
        if attribute in attributes:
            attributes[attribute] = attributes[attribute].replace("{", '{"inhibition":2,', 1)
    journal.write_bytes(b"".join(guarded(entry, number) for number, entry in enumerate(entries, 1)))
    with pytest.raises(RunError, match=rf"^warm_start: .*/earlier: the {what} of trial 0 cannot be read, .*inhibition"):
        earlier_front(str(tmp_path / "earlier"), config().search_space)
    for command in ("status", "front", "report", "repair"):
        result = xoresnet(command, str(tmp_path / "earlier"))
        assert result.code in (0, 1)
        assert len(result.err.splitlines()) == (1 if result.code else 0)
