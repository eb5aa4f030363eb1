"""`xoresnet report`: the page and the figures of a run."""

from __future__ import annotations

import webbrowser
from html import escape
from pathlib import Path

import pytest

from tests.results.made_runs import empty_run, run_of, trial, varied_run, write_run
from tests.search.command_line import xoresnet


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(run_of(trial(0, 0.5, 100), trial(1, 0.9, 5000)), tmp_path / "run")


def test_into_the_folder_of_the_run() -> None:
    result = xoresnet("report", "run")
    assert (result.code, result.err) == (0, "")
    assert result.out.splitlines()[0] == (
        "The most accurate network is #1 (depth 8 width 8 T=2 or): 90.00 % validation accuracy at 5,000 spikes per "
        "sample."
    )
    assert result.out.splitlines()[-1] == "report: run/report.html"
    assert len(result.out.splitlines()) <= 6
    assert "<title>run · xoresnet</title>" in Path("run/report.html").read_text()


def test_networks_no_better_than_guessing_are_the_first_finding() -> None:
    write_run(run_of(trial(0, 0.1, 100), space={"arch": {"num_classes": 10}}), Path("chance"))
    result = xoresnet("report", "chance")
    assert result.out.startswith("No network is clearly better than guessing (10.00 % with 10 classes;")
    page = Path("chance/report.html").read_text()
    assert page.index("<h3>Warning</h3>") < page.index("<h3>Best networks</h3>")


def test_somewhere_else_and_with_figures() -> None:
    Path("out").mkdir()
    result = xoresnet("report", "run", "--output", "out/page.html", "--figures", "out/figures")
    assert (result.code, result.err) == (0, "")
    drawn = sorted(path.name for path in Path("out/figures").iterdir())
    assert result.out.endswith(f"\nreport: out/page.html\nfigures: {len(drawn)} files in out/figures\n")
    assert drawn[:3] == ["curves.pdf", "curves.png", "curves.svg"]
    assert not Path("run/report.html").exists()


def test_json() -> None:
    written = xoresnet("report", "run", "--json", "--figures", "figures").json
    assert written["report"] == "run/report.html"
    assert "figures/front.svg" in written["figures"]
    first, *_ = written["findings"]
    assert (first["kind"], first["subject"], first["figure"], first["command"]) == ("best", "accuracy", "front", None)
    accuracy, spikes = first["numbers"]
    assert (accuracy["metric"], accuracy["estimate"], accuracy["low"]) == ("val_accuracy", 0.9, None)
    assert (spikes["metric"], spikes["estimate"]) == ("spikes_per_sample", 5000)
    commands = {finding["subject"]: finding["command"] for finding in written["findings"]}
    assert commands["single trainings"] == "xoresnet confirm run"
    page = Path("run/report.html").read_text()
    assert all(escape(finding["sentence"]) in page for finding in written["findings"])


def test_at_most_five_findings_are_printed() -> None:
    """One of each kind, though the page has more."""
    write_run(varied_run(60), Path("varied"))
    *lines, last = xoresnet("report", "varied").out.splitlines()
    assert last == "report: varied/report.html"
    begins = [
        "The most accurate network is #27",
        "With at most 300 spikes",
        "All 8 networks",
        "The only",
        "Merge or/oa",
    ]
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins


def test_of_a_run_that_has_only_begun() -> None:
    write_run(empty_run(), Path("empty"))
    assert xoresnet("report", "empty", "--figures", "none").out == (
        "report: empty/report.html\nfigures: 0 files in none\n"
    )


def test_by_url() -> None:
    url = f"local://{Path('run').absolute()}"
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
        ("nowhere", 2, "there is no folder nowhere"),
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
