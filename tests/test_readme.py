"""The README's story, lived."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_readme_runs(tmp_path: Path) -> None:
    """All that the README shows, in its order, in one folder; the search with a smaller budget, and no installing."""
    blocks = re.findall(r"```(bash|python)\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    ran = []
    for language, block in blocks:
        for words in [["-W", "error", "-c", block]] if language == "python" else _commands(block):
            found = subprocess.run([sys.executable, *words], check=False, capture_output=True, text=True, cwd=tmp_path)
            assert found.returncode == 0, (words, found.stderr)
            ran.append(words)
    assert len(ran) > 8


def _commands(block: str) -> list[list[str]]:
    """Ours, as arguments for Python."""
    lines = [line.rpartition("&& ")[2] for line in block.splitlines()]
    ours = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("xoresnet ")]
    less = {"search": ["trials=6", "epochs=3"], "confirm": ["--epochs=1"]}
    small = [[*words, *less.get(words[0], [])] if "--dry-run" not in words else words for words in ours]
    return [["-c", "from xoresnet.search.cli import run; run()", *words] for words in small]


def test_the_error_that_the_readme_shows_is_the_one_that_comes() -> None:
    text = (ROOT / "README.md").read_text()
    (shown,) = re.findall(r"```text\n>>> (.*?)\n(.*?)\n```", text)
    failing = f"from xoresnet import Arch\n{shown[0]}"
    result = subprocess.run([sys.executable, "-c", failing], check=False, capture_output=True, text=True)
    assert result.stderr.splitlines()[-1] == shown[1]
