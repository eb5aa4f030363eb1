"""`xoresnet predict`, on a model that an earlier version wrote and on a trial."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.search.command_line import xoresnet
from xoresnet import load_model

LANDED = Path(__file__).parents[2] / "landed"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model, a search, and two photos, one of them large and in colour."""
    for name in ("model", "run"):
        shutil.copytree(LANDED / name, tmp_path / name)
    (tmp_path / "photos").mkdir()
    numbers = np.random.default_rng(0)
    Image.fromarray(numbers.integers(0, 256, (8, 8), dtype=np.uint8)).save(tmp_path / "photos" / "a.png")
    Image.fromarray(numbers.integers(0, 256, (50, 30, 3), dtype=np.uint8)).save(tmp_path / "photos" / "b.jpg")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("model", ["model", "run:6"])
def test_files_and_folders(model: str) -> None:
    found = load_model(model).predict("photos")
    result = xoresnet("predict", model, "photos")
    assert result.code == 0, result.err
    rows = [line.split() for line in result.out.splitlines()]
    chances = found.probabilities.max(1)
    assert rows == [
        ["image", "label", "probability"],
        *([name, found.labels[n], f"{100 * chances[n]:.1f}", "%"] for n, name in enumerate(found.names)),
    ]
    assert xoresnet("predict", model, "photos/a.png", "photos/b.jpg").out == result.out


def test_as_json() -> None:
    found = load_model("model", spikes=True).predict("photos")
    result = xoresnet("predict", "model", "photos", "--spikes", "--top", "2", "--json").json
    assert [row["image"] for row in result] == ["photos/a.png", "photos/b.jpg"]
    assert [row["label"] for row in result] == [row["classes"][0]["label"] for row in result] == list(found.labels)
    assert [len(row["classes"]) for row in result] == [2, 2]
    assert found.spikes is not None
    assert [row["spikes"] for row in result] == found.spikes.tolist()
    assert "spikes" not in xoresnet("predict", "model", "photos", "--json").json[0]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("model", 2, "Missing argument 'IMAGE...'. (see xoresnet predict --help)"),
        ("model nosuch.png", 2, "there is no file nosuch.png"),
        ("model model", 2, "model contains no images"),
        ("model model/config.json", 1, "model/config.json cannot be decoded as an image: it is none of *"),
        ("model photos --top 0", 2, "--top must be at least 1, got 0 (see xoresnet predict --help)"),
        ("nosuch photos", 2, "there is no folder nosuch"),
        ("run photos", 2, "run holds a search; name one of its networks, run:knee or run:ID"),
        ("photos photos", 2, "photos holds no model: config.json is missing"),
    ],
)
def test_mistakes(words: str, code: int, message: str) -> None:
    result = xoresnet("predict", *words.split())
    assert result.is_refusal(code, message)
    assert result.out == ""
