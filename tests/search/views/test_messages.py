"""Names that strangers chose never steer the terminal: commands run under a real one."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.live import Live
from rich.table import Table

from tests.results.made_runs import run_of, trial, write_run
from tests.xoresnet.data.datasets.pictures import write_classes
from xoresnet.search.views.console import live_console, print_table
from xoresnet.search.views.messages import print_error, say

TITLE = "\x1b]0;gotcha\x07"
CLIPBOARD = "\x1b]52;c;cm0gLXJm\x07"
EVIL = f"{TITLE}{CLIPBOARD}\x1b[2J\x9b31m\r[red]:smile:[link=http://evil]x"
SHOWN = r"\x1b]0;gotcha\x07\x1b]52;c;cm0gLXJm\x07\x1b[2J\x9b31m\r[red]:smile:[link=http://evil]x"
OURS = re.compile(r"\x1b\[[\d;]*m|\x1b\[\?25[lh]|\x1b\[\d*[ABKGJ]|\x1b\[2K|\r\n|\r|\n|\t")
"""Colours, cursor movements of progress bars, and line ends."""


def on_a_terminal(code: str, *arguments: str) -> str:
    """What a program writes to a terminal of 200 columns."""
    mine, its = pty.openpty()
    environment = {**os.environ, "COLUMNS": "200", "TERM": "xterm-256color"}
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=its, stdout=its, stderr=its, env=environment
    )
    os.close(its)
    written, deadline = b"", time.monotonic() + 120
    while time.monotonic() < deadline:
        ready, _, _ = select.select([mine], [], [], 0.2)
        try:
            chunk = os.read(mine, 65536) if ready else b""
        except OSError:  # the other end is closed
            break
        written += chunk
        if not ready and process.poll() is not None:
            break
    process.wait()
    os.close(mine)
    return written.decode("utf-8", "surrogateescape")


def harmless(text: str) -> bool:
    rest = OURS.sub("", text)
    return rest.isprintable()


def test_a_stranger_s_run_and_pictures_are_printed_as_they_are_named(tmp_path: Path) -> None:
    row = trial(0, source=EVIL, worker=EVIL, config_merge=EVIL, reason=EVIL)
    write_run(run_of(row, trial(1, 0.9, 2000.0)), tmp_path / "run")
    write_classes(tmp_path / "pictures", classes=("cat", EVIL.replace("/", "-")))
    code = (
        "import sys; from xoresnet.search.cli import main; sys.stdout.reconfigure(line_buffering=True); "
        "[main(words.split('\\t')) for words in sys.argv[1:]]"
    )
    words = (
        f"front\t{tmp_path / 'run'}",
        f"front\t{tmp_path / 'run'}\t--csv",
        f"data\tfolder\t--data-root\t{tmp_path / 'pictures'}",
        f"front\t{tmp_path}/{EVIL.replace('/', '-')}",
        f"train\txoresnet8\tmerge={EVIL}\t--dry-run",
        f"space\t{tmp_path}/{EVIL.replace('/', '-')}.yaml",
    )
    written = on_a_terminal(code, *words)
    assert harmless(written), OURS.sub("", written)
    assert written.count(SHOWN.split("[link")[0]) >= 5


def test_lines_errors_and_headings(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one {EVIL}\n two", heading=EVIL)
    say(EVIL, err=True)
    print_error(EVIL)
    captured = capsys.readouterr()
    for text in (captured.out, captured.err):
        assert harmless(text)
        assert SHOWN in text


def test_tables_take_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table(title=EVIL)
    table.add_column(EVIL, no_wrap=True)
    table.add_row(EVIL)
    print_table(table)
    out = capsys.readouterr().out
    assert out.count("[red]:smile:") == 3
    assert harmless(out)


def test_moving_pictures_move(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """What rich itself steers the terminal with is written; what it draws does not steer."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    console = live_console()
    with Live(console=console, transient=True, auto_refresh=False) as live:
        live.update(EVIL, refresh=True)
        console.print(EVIL)
    out = capsys.readouterr().out
    assert "\x1b[?25l" in out
    assert "\x1b[2K" in out
    assert harmless(out)
    assert r"\x1b]0;gotcha" in out
