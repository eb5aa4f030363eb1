"""What the README and the pages of docs/ show, to be run."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
_FILE = r"# (\w+\.py)\n"
"""The first line of a block that is a file."""


class Shown(NamedTuple):
    """A command of this project as the arguments of `xoresnet`, or a block of Python."""

    command: tuple[str, ...]
    code: str


def shown(page: str) -> Iterator[Shown]:
    """In the order of the page; what installs and what makes a file (`files_of`) is left out."""
    blocks = re.findall(r"```(bash|python)\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for language, block in blocks:
        if language == "bash":
            lines = (line.rpartition("&& ")[2] for line in block.splitlines())
            ours = (shlex.split(line, comments=True) for line in lines if line.startswith("xoresnet "))
            yield from (Shown(tuple(words), "") for _, *words in ours)
        elif not re.match(_FILE, block):
            yield Shown((), block)


def files_of(page: str) -> dict[str, str]:
    """The files that a page shows: blocks of Python that begin with their name, and YAML after a sentence with it."""
    text = (ROOT / page).read_text(encoding="utf-8")
    code = {match[1]: match[0] for match in re.finditer(rf"(?<=```python\n){_FILE}.*?(?=```)", text, flags=re.DOTALL)}
    yaml = re.findall(r"`(\w+\.yaml)`[^`]*?```yaml\n(.*?)```", text, flags=re.DOTALL)
    return code | dict(yaml)


def run_here(code: str, known: dict[str, object] | None = None) -> None:
    """A block of Python in this process, by itself or with what blocks before it have defined; warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exec(compile(code, "page", "exec"), {"__name__": "__main__"} if known is None else known)


def run_alone(block: Shown, folder: Path) -> None:
    """In a process of its own; warnings of a block are errors."""
    command = ["-c", "from xoresnet.search.cli import run; run()", *block.command]
    words = ["-W", "error", "-c", block.code] if block.code else command
    result = subprocess.run([sys.executable, *words], check=False, capture_output=True, text=True, cwd=folder)
    assert result.returncode == 0, (block, result.stderr)
