from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.results.made_runs import empty_run, run_of, trial, varied_run, write_run
from tests.results.trials import says
from xoresnet.results import write_figures
from xoresnet.results.figures import FIGURES


def test_each_figure_as_a_picture_and_as_a_drawing(tmp_path: Path) -> None:
    paths = write_figures(write_run(varied_run(), tmp_path / "run"), tmp_path / "figures")
    assert sorted(path.name for path in paths) == sorted(f"{n}.{form}" for n in FIGURES for form in ("png", "svg"))
    for path in paths:
        if path.suffix == ".png":
            with Image.open(path) as picture:
                assert picture.width in (1020, 2100)  # 3.4 and 7 inches at 300 dots an inch
        else:
            assert "<text" in path.read_text()  # text stays text


def test_other_formats(tmp_path: Path) -> None:
    run = run_of(trial(0, 0.5, 10), trial(1, 0.6, 20))
    paths = write_figures(run, tmp_path, ["pdf"])
    assert {path.name for path in paths} == {"front.pdf", "hypervolume.pdf", "curves.pdf", "rates.pdf", "timeline.pdf"}
    assert all(path.read_bytes().startswith(b"%PDF") for path in paths)


def test_the_same_run_gives_the_same_files(tmp_path: Path) -> None:
    one, other = (write_figures(run_of(trial(0), trial(1)), tmp_path / name, "svg") for name in "ab")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_nothing_to_draw(tmp_path: Path) -> None:
    assert write_figures(empty_run(), tmp_path / "none") == []


def test_formats_that_nobody_knows(tmp_path: Path) -> None:
    with says("'pgn' is not a figure format; did you mean 'png'?"):
        write_figures(varied_run(), tmp_path, ["svg", "pgn"])
    assert list(tmp_path.iterdir()) == []


def test_no_window_is_opened(tmp_path: Path) -> None:
    import sys

    write_figures(run_of(trial(0)), tmp_path, "png")
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_found_by_name(name: str) -> None:
    kind = FIGURES[name]
    assert kind.info.__name__ == f"{name}_info"
    assert kind.reading.endswith(".")


def test_figures_that_do_not_exist() -> None:
    with pytest.raises(KeyError):
        FIGURES["fornt"]
    assert next(iter(FIGURES)) == "front"
    assert len(FIGURES) == 10
