"""`xoresnet report`: the page and the figures of a run."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import pytest

from tests.results.made_runs import empty_run, run_of, trial, write_run
from tests.search.command_line import xoresnet


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(run_of(trial(0, 0.5, 100), trial(1, 0.9, 5000)), tmp_path / "run")


def test_into_the_folder_of_the_run() -> None:
    result = xoresnet("report", "run")
    assert (result.code, result.out, result.err) == (0, "report: run/report.html\n", "")
    assert "<title>run · xoresnet</title>" in Path("run/report.html").read_text()


def test_somewhere_else_and_with_figures() -> None:
    Path("out").mkdir()
    result = xoresnet("report", "run", "--output", "out/page.html", "--figures", "out/figures")
    assert (result.code, result.err) == (0, "")
    drawn = sorted(path.name for path in Path("out/figures").iterdir())
    assert result.out == f"report: out/page.html\nfigures: {len(drawn)} files in out/figures\n"
    assert drawn[:2] == ["curves.png", "curves.svg"]
    assert not Path("run/report.html").exists()


def test_json() -> None:
    written = xoresnet("report", "run", "--json", "--figures", "figures").json
    assert written["report"] == "run/report.html"
    assert "figures/front.svg" in written["figures"]


def test_of_a_run_that_has_only_begun() -> None:
    write_run(empty_run(), Path("empty"))
    assert xoresnet("report", "empty", "--figures", "none").out == (
        "report: empty/report.html\nfigures: 0 files in none\n"
    )


def test_by_url() -> None:
    url = Path("run").absolute().as_uri()
    assert xoresnet("report", url).is_refusal(2, "a report of a remote run needs a local file: add --output FILE")
    assert xoresnet("report", url, "--output", "page.html").code == 0
    assert Path("page.html").exists()


def test_it_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    assert xoresnet("report", "run", "--open").code == 0
    assert opened == [Path("run/report.html").absolute().as_uri()]


def test_where_there_is_no_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    result = xoresnet("report", "run", "--open")
    assert result.is_refusal(1, "no browser was found to open run/report.html")
    assert Path("run/report.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("nowhere", 1, "there is no folder nowhere"),
        ("run --output none/page.html", 2, "--output: there is no folder none"),
        ("run --output run", 2, "--output: run is a folder; name a file in it"),
        ("run --figures run/config.yaml", 2, "--figures: run/config.yaml is not a folder"),
        ("run --figure x", 2, "No such option '--figure'. Did you mean '--figures'? (see xoresnet report --help)"),
        ("run --output run/config.yaml/page.html", 2, "--output: there is no folder run/config.yaml"),
    ],
)
def test_mistakes(words: str, code: int, message: str) -> None:
    before = sorted(Path().rglob("*"))
    result = xoresnet("report", *words.split())
    assert result.is_refusal(code, message)
    assert result.out == ""
    assert sorted(Path().rglob("*")) == before
