"""The bar that is drawn while images are decoded."""

from __future__ import annotations

import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from tests.search.views.test_search import lines_on, on_a_terminal
from tests.xoresnet.data.datasets.pictures import write_classes
from xoresnet.data.load import DataSet
from xoresnet.data.spec import DataSpec
from xoresnet.errors import DataError
from xoresnet.search.views.data_bar import DecodingBar


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_classes(Path("pictures"))


def load_pictures() -> DataSet:
    """The images in `pictures`, read with a bar."""
    with DecodingBar() as progress:
        return DataSpec(name="folder", root="pictures").load(progress=progress)


def test_a_bar_while_images_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen:
        load_pictures()
    assert any(re.match(r"reading the data ━+ ", line) for line in lines_on(screen))
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen:
        load_pictures()  # from the cache: nothing is decoded
    assert not any("decoding" in line for line in lines_on(screen))


def test_the_bar_is_gone_once_all_images_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, DecodingBar() as progress:
        for done in range(3):
            progress(done, 2)
        assert screen.getvalue().count("\x1b[?25h") == 1  # the cursor is back within the block


def test_a_second_bar_follows_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, DecodingBar() as progress:
        for done, total in ((0, 2), (2, 2), (0, 5), (5, 5)):
            progress(done, total)
    drawn = screen.getvalue()
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h") == 2


def test_no_bar_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    load_pictures()
    assert capsys.readouterr() == ("", "")


def test_the_bar_is_drawn_on_stderr_if_only_stderr_is_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`xoresnet search ... --json > front.json`."""
    with redirect_stderr(on_a_terminal(80, monkeypatch)) as screen:
        load_pictures()
    assert any(line.startswith("reading the data ") for line in lines_on(screen))
    assert capsys.readouterr().out == ""


def test_the_bar_is_gone_before_an_error_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    (Path("pictures") / "owl" / "owl03.png").write_bytes(b"garbage")
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, pytest.raises(DataError, match=r"owl03\.png"):
        load_pictures()
    drawn = screen.getvalue()
    assert "reading the data" in drawn
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h")  # the cursor is back
