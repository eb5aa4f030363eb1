from __future__ import annotations

import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from PIL import Image

from tests.results.ablations import ablations, trainings
from tests.results.made_runs import empty_run, run_of, trial, varied_run
from tests.results.trials import says
from xoresnet.results import write_figures
from xoresnet.results.figures import FIGURES


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each figure in the default formats."""
    ablated = ablations(trainings([0.5, 0.6]), trainings([0.7, 0.9], "merge", "add", "or"))
    return write_figures(replace(varied_run(), ablations=ablated), tmp_path_factory.mktemp("written"))


def test_each_figure_as_a_picture_and_as_a_drawing(pictures: list[Path]) -> None:
    assert sorted(path.name for path in pictures) == sorted(
        f"{name}.{form}" for name in FIGURES for form in ("png", "svg", "pdf")
    )
    for path in pictures:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.width in (1050, 2100)  # 3.5 and 7 inches at 300 dots an inch
        elif path.suffix == ".svg":
            assert "<text" in path.read_text()  # text stays text
        else:
            assert path.read_bytes().startswith(b"%PDF")


def test_no_window_is_opened(tmp_path: Path) -> None:
    """Whether or not somebody else draws with pyplot in this process."""
    run, known = run_of(trial(0, 0.5, 10), trial(1, 0.6, 20)), open_windows()
    assert write_figures(run, tmp_path)
    assert open_windows() == known


def open_windows() -> list[int]:
    pyplot = sys.modules.get("matplotlib.pyplot")
    return [] if pyplot is None else pyplot.get_fignums()


def test_other_formats(tmp_path: Path) -> None:
    run = run_of(trial(0, 0.5, 10), trial(1, 0.6, 20))
    paths = write_figures(run, tmp_path, ["svg", "pdf"])
    names = ("front", "hypervolume", "curves", "rates", "timeline")
    assert {path.name for path in paths} == {f"{name}.{form}" for name in names for form in ("svg", "pdf")}
    assert all(path.read_bytes().startswith(b"%PDF") for path in paths if path.suffix == ".pdf")
    again = write_figures(run, tmp_path / "again", "svg")  # the same run gives the same files
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in paths if path.suffix == ".svg"]


def test_nothing_to_draw(tmp_path: Path) -> None:
    assert write_figures(empty_run(), tmp_path / "none") == []


def test_formats_that_nobody_knows(tmp_path: Path) -> None:
    with says("'pgn' is not a figure format; did you mean 'png'?"):
        write_figures(varied_run(), tmp_path, ["svg", "pgn"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FIGURES)
def test_figures_declare_themselves(name: str) -> None:
    kind = FIGURES[name]
    assert kind.info.__name__ == f"{name}_info"
    assert kind.reading.endswith(".")


def test_every_other_file_is_a_figure() -> None:
    folder = Path(str(files("xoresnet.results.figures")))
    assert set(FIGURES) == {path.stem for path in folder.glob("*.py")} - {"__init__", "plots", "write"}


def test_the_order_is_that_of_the_report() -> None:
    places = [kind.place for kind in FIGURES.values()]
    assert places == sorted(set(places))
    assert next(iter(FIGURES)) == "front"


def test_figures_that_do_not_exist() -> None:
    with pytest.raises(KeyError):
        FIGURES["fornt"]
