"""A search that begins with what an earlier one found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.search.runs import drive
from xoresnet.arch import Arch
from xoresnet.search.config import SearchConfig
from xoresnet.search.errors import CommandError
from xoresnet.search.front import front_of
from xoresnet.search.plan import plan_search
from xoresnet.search.run import SearchRun
from xoresnet.search.run_folder import RunFolder
from xoresnet.search.warm_start import earlier_front

ARCH: dict[str, Any] = {
    "input_shape": [1, 8, 8], "num_classes": 10, "depth": 8, "width": [4, 8, 16], "merge": ["or", "add"],
    "timesteps": [1, 2, 4],
}  # fmt: skip


def config(arch: dict[str, Any] | None = None, **fields: Any) -> SearchConfig:
    space = {"arch": {**ARCH, **(arch or {})}, **fields.pop("space", {})}
    return SearchConfig.from_dict({"space": space, "epochs": 3, "baselines": False, **fields})


def search(path: Path, told: SearchConfig) -> SearchRun:
    """Carried out to its end."""
    folder = RunFolder(path)
    with folder.opened(told):
        run = SearchRun(plan_search(told), folder)
        drive(run)
    return run


def test_networks_of_the_earlier_front_come_first_in_its_order(tmp_path: Path) -> None:
    earlier = search(tmp_path / "earlier", config(trials=5, pruner={"kind": "none"}))
    front = front_of(earlier.study)
    assert len(front) > 1
    later = search(tmp_path / "later", config(trials=8, warm_start=str(tmp_path / "earlier")))
    for trial, known in zip(later.study.trials, front, strict=False):
        assert trial.user_attrs["arch_id"] == known.user_attrs["arch_id"]
        assert trial.user_attrs["source"] == f"earlier:{known.number}"
    assert all("source" not in trial.user_attrs for trial in later.study.trials[len(front) :][:1])


def test_for_other_images_and_classes(tmp_path: Path) -> None:
    search(tmp_path / "earlier", config(trials=3))
    other = config({"input_shape": [3, 32, 32], "num_classes": 100}, warm_start=str(tmp_path / "earlier"))
    for _, arch, _ in earlier_front(str(tmp_path / "earlier"), other.search_space):
        assert (arch.input_shape, arch.num_classes) == ((3, 32, 32), 100)


def test_what_the_new_space_lacks_is_left_out(tmp_path: Path) -> None:
    earlier = search(tmp_path / "earlier", config(trials=18, pruner={"kind": "none"}))
    widths = {Arch.from_json(trial.user_attrs["arch"]).width for trial in front_of(earlier.study)}
    assert len(widths) > 1
    narrow = config({"width": min(widths)}).search_space
    found = earlier_front(str(tmp_path / "earlier"), narrow)
    assert {start.arch.width for start in found} == {min(widths)}
    with pytest.raises(CommandError, match=r"none of the \d+ networks on the front of .*earlier is in this space"):
        earlier_front(str(tmp_path / "earlier"), config({"width": 32}).search_space)


def test_the_earlier_recipe_comes_along_where_the_space_varies_it(tmp_path: Path) -> None:
    varied = {"recipe": {"learning_rate": {"low": 0.001, "high": 0.1, "log": True}}}
    earlier = search(tmp_path / "earlier", config(trials=3, space=varied))
    first = front_of(earlier.study)[0]
    later = search(tmp_path / "later", config(trials=3, space=varied, warm_start=str(tmp_path / "earlier")))
    assert later.study.trials[0].params == first.params
    lower = {"recipe": {"learning_rate": {"low": 0.0001, "high": 0.0002}}}  # the earlier rates are out of range
    other = search(tmp_path / "other", config(trials=3, space=lower, warm_start=str(tmp_path / "earlier")))
    assert other.study.trials[0].user_attrs["arch_id"] == first.user_attrs["arch_id"]
    assert 0.0001 <= other.study.trials[0].params["recipe.learning_rate"] <= 0.0002


@pytest.mark.parametrize("content", [None, "command: train\n"])
def test_a_folder_that_holds_no_search(content: str | None, tmp_path: Path) -> None:
    folder = tmp_path / "none"
    if content is not None:
        folder.mkdir()
        (folder / "config.yaml").write_text(content)
    with pytest.raises(CommandError) as caught:
        earlier_front(str(folder), config().search_space)
    assert caught.value.exit_code == 2
