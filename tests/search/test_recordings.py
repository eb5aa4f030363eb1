"""From recordings to a deployed model: classes that differ in motion alone, by the commands."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from tests.search.command_line import xoresnet
from tests.xoresnet.data.events.recorded import moving_bar, write_npy
from xoresnet.results import load

SPACE = """
data: {name: events-folder, root: bars}
space:
  arch:
    depth: 8
    width: 8
    merge: [add, oa]
    xor: none
    timesteps: [1, 4]
epochs: 20
budget: 4
strategy: classic
sampler: grid
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("motion")
    for label, name in enumerate(("backward", "forward")):
        for part, number in (("train", 150), ("test", 30)):
            for seed in range(number):
                bar = moving_bar(seed + 1000 * (part == "test") + 5000 * label, forward=bool(label))
                write_npy(place / "bars" / part / name / f"{seed:03}.npy", bar)
    (place / "motion.yaml").write_text(SPACE)
    return place


@pytest.fixture
def here(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(place)
    return place


def test_search_report_and_export(here: Path) -> None:
    """T = 4 tells the directions apart, T = 1 cannot."""
    assert xoresnet("search", "motion.yaml").code == 0
    trials = load("runs/motion").trials.set_index("config.timesteps")
    assert (trials["state"] == "COMPLETE").all()
    assert trials.loc[4, "val_accuracy"].max() > 0.95
    assert trials.loc[1, "val_accuracy"].max() < 0.75
    assert (trials["macs_per_sample"] < 100).all()  # events cause additions, also in the stem; the read-out multiplies
    assert_frames_are_counted(trials)
    assert xoresnet("report", "runs/motion").code == 0
    by_loihi = xoresnet("front", "runs/motion", "--sort", "energy_loihi").out
    assert "energy_loihi_pj_per_sample" in by_loihi
    exported = xoresnet("export", "runs/motion", "--pick", "best-accuracy", "--to", "onnx", "--output", "model")
    assert exported.code == 0, exported.err
    assert "verified" in exported.out
    found = xoresnet("predict", "model", "bars/test", "--json").json
    right = [Path(one["image"]).parent.name == one["label"] for one in found]
    assert len(right) == 60
    assert sum(right) > 0.95 * len(right)


def assert_frames_are_counted(trials: pd.DataFrame) -> None:
    """The stem reads 64 events, each in one frame; more frames are more steps of all other layers."""
    layers = load("runs/motion").layers
    stem = layers[layers["name"] == "stem.conv.conv"]
    assert len(stem) == len(trials)
    assert (stem["synops_per_sample"] > 0).all()
    assert stem["synops_per_sample"].max() == stem["synops_per_sample"].min()  # whatever T is


def test_what_is_told_of_the_data(here: Path) -> None:
    told = xoresnet("data", "events-folder", "--data-root", "bars", "--json").json
    assert told["input_shape"] == [2, 8, 8]
    assert (told["train_recordings"], told["validation_recordings"], told["test_recordings"]) == (270, 30, 60)
    assert (told["frames"], told["sensor"]) == ("count", [8, 8])
    assert told["augmentation"]["drop_events"] == 0
    dry = xoresnet("train", "xoresnet8", "--data", "events-folder", "--data-root", "bars", "--dry-run", "timesteps=4")
    assert "270 training and 30 validation recordings of 4 frames of 2x8x8, 2 classes" in dry.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("search digits drop_events=0.1 --dry-run", "recipe.drop_events varies recordings of event cameras, but *"),
        ("train xoresnet8 swap_polarity=true", "recipe.swap_polarity varies recordings of event cameras, *"),
        ("search digits data.frames=time --dry-run", "digits has no option frames: it has images, not recordings *"),
        ("search motion.yaml data.frames=events --dry-run", "data.frames: 'events' is not one of count, time"),
        ("search motion.yaml data.channels=1 --dry-run", "events-folder has no option channels: recordings have the *"),
    ],
)
def test_mistakes(here: Path, words: str, message: str) -> None:
    result = xoresnet(*words.split())
    assert result.is_refusal(2, message)
    assert not list(here.glob("runs/xoresnet8*"))
