"""Data sets, as commands read them."""

from __future__ import annotations

import re
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import torch

from tests.search.views.test_search import lines_on, on_a_terminal
from tests.xoresnet.data.datasets.pictures import write_classes
from xoresnet.data.load import DATASETS, load_data
from xoresnet.data.spec import DataSpec
from xoresnet.errors import DataError, XOResNetError
from xoresnet.search.views.data_bar import known_data_set, load_with_bar


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XORESNET_DATA", raising=False)


@pytest.mark.parametrize("name", DATASETS)
def test_names_that_are_known(name: str) -> None:
    assert known_data_set(name) == name


@pytest.mark.parametrize(("name", "guess"), [("dgits", "digits"), ("CIFAR10", "cifar10"), ("zzz", None), ("", None)])
def test_names_that_are_not(name: str, guess: str | None) -> None:
    sentence = f"there is no data set {name!r}: there are {', '.join(DATASETS)}"
    for ask in (known_data_set, lambda name: load_with_bar(DataSpec(name=name))):
        with pytest.raises(XOResNetError) as caught:
            ask(name)
        assert str(caught.value) == sentence + (f"; did you mean {guess!r}?" if guess else "")
        assert caught.value.exit_code == 2


def test_what_is_read_is_the_data_set() -> None:
    spec = DataSpec(name="digits", validation_seed=3, validation_share=0.5)
    assert load_with_bar(spec).fingerprint == spec.load().fingerprint
    assert load_with_bar(DataSpec()).fingerprint == load_data("digits").fingerprint
    assert torch.equal(load_with_bar(spec).train.labels, spec.load().train.labels)


@pytest.mark.parametrize(
    ("spec", "download"),
    [
        (DataSpec(name="cifar10"), False),
        (DataSpec(name="cifar100", root="elsewhere"), False),
        (DataSpec(name="mini-imagenet"), True),
        (DataSpec(name="folder"), False),
        (DataSpec(name="folder", root="empty"), False),
        (DataSpec(name="digits", image_size=(8, 8)), False),
    ],
)
def test_what_is_wrong_with_data_is_told_as_it_is(spec: DataSpec, download: bool) -> None:
    Path("empty").mkdir()
    with pytest.raises(DataError) as expected:
        spec.load(download=download)
    with pytest.raises(XOResNetError) as caught:
        load_with_bar(spec, download=download)
    assert str(caught.value) == str(expected.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 1


def test_a_bar_while_images_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(Path("pictures"))
    spec = DataSpec(name="folder", root="pictures")
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen:
        load_with_bar(spec)
    assert any(re.match(r"decoding images ━+ ", line) for line in lines_on(screen))
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen:
        load_with_bar(spec)  # again: now they are read as they were kept
    assert not any("decoding" in line for line in lines_on(screen))


def test_no_bar_where_nothing_can_move(capsys: pytest.CaptureFixture[str]) -> None:
    write_classes(Path("pictures"))
    load_with_bar(DataSpec(name="folder", root="pictures"))
    assert capsys.readouterr() == ("", "")


def test_a_bar_on_the_terminal_that_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`xoresnet search ... --json > front.json`."""
    write_classes(Path("pictures"))
    with redirect_stderr(on_a_terminal(80, monkeypatch)) as screen:
        load_with_bar(DataSpec(name="folder", root="pictures"))
    assert any(line.startswith("decoding images ") for line in lines_on(screen))
    assert capsys.readouterr().out == ""


def test_the_bar_is_gone_before_what_is_wrong_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    write_classes(Path("pictures"))
    (Path("pictures") / "owl" / "owl03.png").write_bytes(b"garbage")
    with redirect_stdout(on_a_terminal(80, monkeypatch)) as screen, pytest.raises(XOResNetError, match=r"owl03\.png"):
        load_with_bar(DataSpec(name="folder", root="pictures"))
    drawn = screen.getvalue()
    assert "decoding images" in drawn
    assert drawn.count("\x1b[?25l") == drawn.count("\x1b[?25h")  # the cursor is back
