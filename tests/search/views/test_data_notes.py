"""Class folders of grey and colour images, and with files that are no images: commands say how they are read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.xoresnet.data.datasets.pictures import cache_files, write_image
from xoresnet.data.load import load_data
from xoresnet.data.spec import DataSpec
from xoresnet.search.views.data_notes import data_notes

OTHERS = "5 other files are left out (2 .tif, 1 .csv, 1 .txt, ...)"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 images of 3 classes, of which every fifth is in colour, the first of them in `grey` and not in `colour`."""
    monkeypatch.chdir(tmp_path)
    for first in ("grey", "colour"):
        for name in ("cat", "dog", "owl"):
            for index in range(10):
                is_fifth = index % 5 == (3 if first == "grey" else 0)
                write_image(Path(first, name, f"{name}{index}.png"), 8, 8, "RGB" if is_fifth else "L")
    for other in ("cat/a.tif", "cat/deep/b.TIF", "labels.csv", "cat/README", "owl/notes.txt", "cat/.hidden"):
        Path("grey", other).parent.mkdir(exist_ok=True)
        Path("grey", other).touch()


@pytest.mark.parametrize(
    ("words", "notes"),
    [
        (
            "grey",
            ["6 of 30 images are in colour and are read in grey, as the first one is; channels=3 reads all in colour"],
        ),
        ("grey channels=1", ["6 of 30 images are in colour and are read in grey"]),
        ("grey channels=3", ["24 of 30 images are grey and are read in colour"]),
        (
            "colour",
            ["24 of 30 images are grey and are read in colour, as the first one is; channels=1 reads all in grey"],
        ),
    ],
)
def test_data_counts_all_images(words: str, notes: list[str]) -> None:
    root, *changes = words.split()
    expected = [f"note: {note}" for note in (*notes, *([OTHERS] if root == "grey" else []))]
    for _ in range(2):  # the second time from the cache
        result = xoresnet("data", "folder", *changes, "--data-root", root)
        assert (result.code, result.err.splitlines()) == (0, expected)


def test_a_test_set_in_a_folder_of_its_own() -> None:
    for part, others in (("train", ["a.tif"]), ("test", ["b.tif", "c.csv"])):
        for name in ("cat", "dog"):
            for index in range(4):
                write_image(Path("parts", part, name, f"{index}.png"), 8, 8, "L")
        for other in others:
            Path("parts", part, "cat", other).touch()
    result = xoresnet("data", "folder", "--data-root", "parts")
    assert result.err == "note: 3 other files are left out (2 .tif, 1 .csv)\n"
    facts = xoresnet("data", "folder", "--data-root", "parts", "--json").json
    assert facts["files_left_out"] == {".tif": 2, ".csv": 1}
    data = load_data("folder", "parts")
    assert list(data_notes(data, DataSpec(name="folder", root="parts"))) == ["1 other file is left out (1 .tif)"]


def test_as_json() -> None:
    facts = xoresnet("data", "folder", "--data-root", "grey", "--json").json
    assert (facts["converted_images"], facts["files_left_out"]) == (6, {".tif": 2, ".csv": 1, "README": 1, ".txt": 1})
    facts = xoresnet("data", "digits", "--json").json
    assert (facts["converted_images"], facts["files_left_out"]) == (0, {})


def test_the_start_of_a_search_and_of_a_training() -> None:
    data = load_data("folder", "grey")
    converted, images = data.train.converted, len(data.train.pool)
    assert images == 24
    note = (
        f"note: {converted} of 24 images are in colour and are read in grey, as the first one is; "
        "data.channels=3 reads all in colour"
    )
    search = xoresnet("search", "digits", "data=folder", "data.root=grey", "--dry-run")
    train = xoresnet("train", "xoresnet8", "--data", "folder", "--data-root", "grey", "--dry-run")
    for result in (search, train):
        assert result.code == 0
        assert result.err.splitlines()[:2] == [note, f"note: {OTHERS}"]


def test_one_image_and_one_file(tmp_path: Path) -> None:
    for path in Path("grey").rglob("*"):
        if path.is_file() and path.name not in ("README", "cat0.png", "cat3.png") and path.suffix != ".png":
            path.unlink()
    for name in ("cat", "dog", "owl"):
        write_image(Path("grey", name, f"{name}3.png"), 8, 8, "L")
        write_image(Path("grey", name, f"{name}8.png"), 8, 8, "L")
    write_image(Path("grey", "owl", "owl8.png"), 8, 8, "RGB")
    data = load_data("folder", "grey")
    notes = list(data_notes(data, DataSpec(name="folder", root="grey"), test=data.test.open(by="data")))
    assert notes == [
        "1 of 30 images is in colour and is read in grey, as the first one is; data.channels=3 reads all in colour",
        "1 other file is left out (1 README)",
    ]


def test_data_without_anything_to_tell() -> None:
    assert list(data_notes(load_data("digits"), DataSpec())) == []


def test_the_cache_keeps_the_count() -> None:
    data = load_data("folder", "grey")
    (about,) = cache_files(Path("grey"), ".json")
    fields = json.loads(about.read_text())
    assert fields["converted"] == data.train.converted > 0
    del fields["converted"]
    about.write_text(json.dumps(fields))  # it is made again
    assert load_data("folder", "grey").train.converted == data.train.converted
