"""The study of a confirmation: opened, looked at, torn and damaged; and which seeds it says are best."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from tests.search.views.test_search import record
from xoresnet.description.recipe import Recipe
from xoresnet.errors import XOResNetError
from xoresnet.search.confirmation.study import (
    CONFIRMATION,
    best_seeds,
    note_searched,
    searched_trial,
)
from xoresnet.search.objective import DEFAULT_OBJECTIVES
from xoresnet.search.study.journal import open_journal
from xoresnet.search.study.trials import training_key, trials_of


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES)


def add(study: Study, arch_id: str, accuracy: float | None = None, state: str = "COMPLETE", **recipe: Any) -> None:
    """A training that came to this accuracy after its last epoch, the second."""
    attrs: dict[str, Any] = {"arch_id": arch_id, "recipe": Recipe(epochs=2).replace(**recipe).model_dump_json()}
    if accuracy is not None:
        attrs |= {f"record:{epoch}": record(epoch, accuracy * epoch / 2, 10.0) for epoch in (1, 2)}
        attrs |= {f"report:{epoch}": [accuracy * epoch / 2, 10.0] for epoch in (1, 2)}
    values = [accuracy, 10.0] if state == "COMPLETE" and accuracy is not None else None
    study.add_trial(create_trial(state=TrialState[state], values=values, user_attrs=attrs))


def best(study: Study) -> set[int]:
    return {trial.number for trial in best_seeds(study)}


def test_it_is_made_once(tmp_path: Path, study: Study) -> None:
    add(study, "a", 0.5)
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    again = CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES)
    assert [trial.values for trial in again.trials] == [[0.5, 10.0]]
    assert [path.name for path in tmp_path.iterdir()] == ["confirm.journal"]


def test_looking_at_it_changes_nothing(tmp_path: Path, study: Study) -> None:
    add(study, "a", 0.5)
    before = (tmp_path / "confirm.journal").read_bytes()
    looked = CONFIRMATION.look(tmp_path)
    assert looked is not None
    assert len(looked.trials) == 1
    with pytest.raises(OSError, match="open for reading only"):
        add(looked, "b", 0.5)
    assert (tmp_path / "confirm.journal").read_bytes() == before


@pytest.mark.parametrize("text", [None, ""])
def test_there_is_nothing_to_look_at(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "confirm.journal").write_text(text)  # killed before it wrote a line
    assert CONFIRMATION.look(tmp_path) is None


@pytest.mark.parametrize("torn", [b'{"op_code": 6, "worker', b"\0\0\0", b'{"a": 1}\n', b"\xff\xfe"])
def test_a_torn_end_is_cut_off_and_kept_aside(tmp_path: Path, study: Study, torn: bytes) -> None:
    add(study, "a", 0.5)
    with (tmp_path / "confirm.journal").open("ab") as file:
        file.write(torn)
    looked = CONFIRMATION.look(tmp_path)
    assert looked is not None
    assert len(looked.trials) == 1
    reopened = CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES)
    assert len(reopened.trials) == 1
    assert (tmp_path / "confirm.journal.torn").read_bytes() == torn
    add(reopened, "b", 0.6)
    assert len(CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES).trials) == 2


def test_damage_before_the_end_is_a_sentence(tmp_path: Path, study: Study) -> None:
    add(study, "a", 0.5)
    lines = (tmp_path / "confirm.journal").read_text().splitlines(keepends=True)
    (tmp_path / "confirm.journal").write_text("".join([lines[0], "garbage\n", *lines[1:]]))
    with pytest.raises(
        XOResNetError, match=r"confirm.journal, line 2 is damaged, but later lines are intact"
    ) as caught:
        CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ['{"op_code": 99}', '{"op_code": "a"}', '{"op_code": 0}', '{"op_code": 0, "study_name": 1}']
)
def test_a_journal_of_nonsense_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "confirm.journal").write_text(f"{text}\n")
    damaged = r"confirm.journal, line 1 is damaged; to rebuild it: xoresnet repair "
    with pytest.raises(XOResNetError, match=damaged) as caught:
        CONFIRMATION.look(tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(XOResNetError, match=r"confirm.journal cannot be read: [A-Za-z]+: ") as caught:
        CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES)
    assert "\n" not in str(caught.value)


def test_another_study_in_its_place(tmp_path: Path) -> None:
    optuna.create_study(storage=open_journal(tmp_path / "confirm.journal"), study_name="other")
    with pytest.raises(XOResNetError, match=r"confirm.journal cannot be read: KeyError: "):
        CONFIRMATION.look(tmp_path)


def test_what_makes_a_training_another_one() -> None:
    def key(arch_id: str, **recipe: Any) -> Any:
        return training_key({"arch_id": arch_id, "recipe": Recipe(**recipe).model_dump_json()})

    assert key("a") == key("a")
    assert len({key("a"), key("b"), key("a", seed=1), key("a", epochs=3), key("a", learning_rate=0.1)}) == 5
    # written by an earlier version that did not know all fields
    fewer = {name: value for name, value in Recipe(seed=3).model_dump(mode="json").items() if name in ("seed", "loss")}
    assert training_key({"arch_id": "a", "recipe": json.dumps(fewer)}) == key("a", seed=3)


@pytest.mark.parametrize(
    ("trials", "expected"),
    [
        ([], set()),
        ([("a", 0.5, "COMPLETE", {"seed": 1}), ("a", 0.7, "COMPLETE", {"seed": 2})], {1}),
        ([("a", 0.7, "COMPLETE", {"seed": 1}), ("a", 0.5, "COMPLETE", {"seed": 2})], {0}),
        ([("a", 0.5, "COMPLETE", {"seed": 2}), ("a", 0.5, "COMPLETE", {"seed": 1})], {0}),  # the first of equals
        ([("a", 0.5, "COMPLETE", {"seed": 1}), ("b", 0.4, "COMPLETE", {"seed": 1})], {0, 1}),
        # each budget, and each recipe, for itself
        ([("a", 0.5, "COMPLETE", {"epochs": 2}), ("a", 0.4, "COMPLETE", {"learning_rate": 0.1})], {0, 1}),
        ([("a", None, "FAIL", {"seed": 1}), ("a", 0.1, "COMPLETE", {"seed": 2})], {1}),
        ([("a", 0.9, "FAIL", {"seed": 1}), ("a", 0.9, "RUNNING", {"seed": 2})], set()),
    ],
)
def test_best_seeds(study: Study, trials: list[tuple[Any, ...]], expected: set[int]) -> None:
    for arch_id, accuracy, state, recipe in trials:
        add(study, arch_id, accuracy, state, **recipe)
    assert best(study) == expected


def test_another_trial_of_the_search_has_trained_a_network_since(tmp_path: Path, study: Study) -> None:
    for arch_id, trial_id in (("a", 7), ("b", None), ("c", 3)):
        for seed, epochs in ((1, 2), (2, 2), (1, 5)):
            recipe = Recipe(epochs=epochs, seed=seed).model_dump_json()
            attrs = {"arch_id": arch_id, "recipe": recipe, "confirms": trial_id}
            study.add_trial(create_trial(state=TrialState.COMPLETE, values=[0.5, 1.0], user_attrs=attrs))
    others = Recipe(learning_rate=0.1).model_dump_json()
    asked = [("a", Recipe(seed=9).model_dump_json(), 30), ("b", Recipe().model_dump_json(), 12), ("c", others, 31)]
    for _ in range(2):
        note_searched(study, [({"arch_id": arch_id, "recipe": recipe}, number) for arch_id, recipe, number in asked])
        assert [searched_trial(study, trial) for trial in trials_of(study)] == [30] * 3 + [12] * 3 + [3] * 3
    note_searched(study, [({"arch_id": "a", "recipe": others}, 40), ({"arch_id": "b", "recipe": asked[1][1]}, None)])
    again = CONFIRMATION.open(tmp_path, DEFAULT_OBJECTIVES)
    assert [searched_trial(again, trial) for trial in trials_of(again)] == [30] * 3 + [12] * 3 + [3] * 3
