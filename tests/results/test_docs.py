"""docs/results.md: every line of it, as written, on runs that are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.results.made_runs import varied_run, write_run
from tests.search.command_line import xoresnet

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "results.md").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, count in (("digits", 60), ("other", 40)):
        write_run(varied_run(count), tmp_path / "runs" / name)


def test_python() -> None:
    """The blocks of the page follow one another, as in a notebook."""
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
    heavy = "import sys; assert not {'torch', 'ray', 'optuna'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", f"{code}\n{heavy}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert Path("runs/digits/report.html").exists()
    assert {"front.pdf", "front.png", "front.svg"} <= {path.name for path in Path("figures").iterdir()}


def test_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    write_run(varied_run(12), Path("runs/digits"))  # too few for the importance, which takes its time
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    lines = re.findall(r"^    (xoresnet [^#>\n]+)", PAGE, flags=re.MULTILINE)
    assert len(lines) == 5
    for line in lines:
        result = xoresnet(*shlex.split(line)[1:])
        notes = [note for note in result.err.splitlines() if "confirm.journal lacks" not in note]  # it was made up
        assert (result.code, notes) == (0, []), line
        assert result.out


def test_all_columns_are_named() -> None:
    from xoresnet.results.tables.columns import HISTORY, LAYERS, TRIALS

    named = set(re.findall(r"`([\w.]+)`", PAGE))
    unnamed = {name for name in (*TRIALS, *HISTORY, *LAYERS) if not name.startswith("config.")} - named
    assert unnamed == set()


def test_all_functions_are_named() -> None:
    import xoresnet.results

    pages = PAGE + "".join((DOCS / name).read_text(encoding="utf-8") for name in ("confirm.md", "ablate.md"))
    assert [name for name in xoresnet.results.__all__ if name not in pages] == []
