"""A URL where no run is written: one sentence from every command, and no folder named `s3:`."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from tests.results.made_runs import run_of, trial, write_run
from tests.search.command_line import xoresnet
from xoresnet.errors import UsageError
from xoresnet.results import load, report, write_figures


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_run(run_of(trial(0)), tmp_path / "run")


@pytest.mark.parametrize("url", ["s3://bucket/runs/digits", "gs://bucket/x", "hdfs://lab/x"])
@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("train xoresnet8 epochs=1 --run URL", "--run"),
        ("train xoresnet8 epochs=1 --data-root URL", "root"),
        ("data digits --data-root URL", "root"),
        ("export run --output URL", "--output"),
        ("report run --output URL", "--output"),
        ("report run --figures URL", "--figures"),
        ("space digits --sample 1 --out URL", "--out"),
    ],
)
def test_every_command_that_writes(words: str, what: str, url: str) -> None:
    before = sorted(Path().rglob("*"))
    result = xoresnet(*(url if word == "URL" else word for word in shlex.split(words)))
    assert result.is_refusal(2, f"{what}: {url} is a URL, but files are *")
    assert sorted(Path().rglob("*")) == before


def test_in_python() -> None:
    url, run = "s3://bucket/run", load("run")
    for call in (
        lambda: report(run, f"{url}/report.html"),
        lambda: write_figures(run, url),
    ):
        with pytest.raises(UsageError, match=r"s3://bucket/run.* is a URL, but files are written to folders of this"):
            call()
    assert [path.name for path in Path().iterdir()] == ["run"]
