"""What the pages of docs/ show, run as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize("page", ["pruning.md", "search.md", "shared.md", "space.md"])
def test_docs_run(page: str, tmp_path: Path) -> None:
    """Every Python block of a page, as written."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / page).read_text(), flags=re.DOTALL)
    assert blocks
    warnings = "default" if page == "search.md" else "error"  # Ray has some of its own
    for block in blocks:
        subprocess.run([sys.executable, "-W", warnings, "-c", block], check=True, capture_output=True, cwd=tmp_path)


def test_docs_on_export_run(tmp_path: Path) -> None:
    """The last block writes what the others read, which know nothing of this project."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "export.md").read_text(), flags=re.DOTALL)
    *foreign, ours = blocks
    assert len(foreign) == 3  # .pt2, .onnx, .nir
    subprocess.run([sys.executable, "-W", "error", "-c", ours], check=True, capture_output=True, cwd=tmp_path)
    for block in foreign:
        alone = f"import sys; sys.modules['xoresnet'] = None\n{block}"
        subprocess.run([sys.executable, "-c", alone], check=True, capture_output=True, cwd=tmp_path / "mine")
