"""Reading a run of somebody else imports no code that its files name, unless the reader trusts it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from tests.search.confirmations import made_search
from xoresnet.search.folders.run import JOURNAL
from xoresnet.search.study.lines import guarded

CODE = """
from pathlib import Path
Path("imported").touch()
from xoresnet.description.merge import MERGES
MINE = MERGES["add"]
from optuna.samplers import RandomSampler
class Sampler(RandomSampler): pass
"""
NAME = "strangers_code_of_a_test.MINE"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run whose networks have a merge, and whose sampler is, of a module in the working directory."""
    run = made_search(tmp_path / "run")
    config = (run / "config.yaml").read_text()
    config = config.replace("add]", f"{NAME}]").replace("sampler: grid", "sampler: strangers_code_of_a_test.Sampler")
    assert config.count("strangers_code_of_a_test") == 2
    (run / "config.yaml").write_text(config)
    lines = []
    for number, line in enumerate((run / JOURNAL).read_text().splitlines(), 1):
        entry = json.loads(line)
        del entry["line"], entry["crc32"]
        attributes = entry.get("user_attr", {})
        if "arch" in attributes:
            attributes["arch"] = attributes["arch"].replace('"add"', f'"{NAME}"')
        lines.append(guarded(entry, number))
    (run / JOURNAL).write_bytes(b"".join(lines))
    assert (run / JOURNAL).read_text().count(NAME) > 1
    (tmp_path / "strangers_code_of_a_test.py").write_text(CODE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "strangers_code_of_a_test", raising=False)
    return run


@pytest.mark.parametrize("command", ["status", "front", "report", "export", "repair"])
@pytest.mark.parametrize("tables", ["there", "deleted"])
def test_nothing_is_imported(command: str, tables: str, run: Path) -> None:
    if tables == "deleted":
        for table in run.glob("*.parquet"):
            table.unlink()
    result = xoresnet(command, "run")
    assert not Path("imported").exists()
    assert "strangers_code_of_a_test" not in sys.modules
    if result.code:
        (sentence,) = result.err.splitlines()
        assert result.code == 1
        if command != "export":  # which has no weights to read here
            assert NAME in sentence
            assert sentence.endswith("; add --trust-code if you trust it")
    elif command in ("status", "front"):
        assert "strangers_code_of_a_test" in result.out


def test_trusted_code_is_imported(run: Path) -> None:
    result = xoresnet("status", "run", "--trust-code")
    assert (result.code, result.err) == (0, "")
    assert Path("imported").exists()


@pytest.fixture
def network(run: Path) -> Path:
    """The `arch.json` of a network with the stranger's merge."""
    arch = next(
        json.loads(line)["user_attr"]["arch"] for line in (run / JOURNAL).read_text().splitlines() if NAME in line
    )
    Path("arch.json").write_text(arch)
    return Path("arch.json")


REFUSAL = f"arch.json names code that would be imported, and so run: {NAME}; add --trust-code *"


@pytest.mark.usefixtures("network")
def test_a_network_that_is_checked_against_a_space() -> None:
    assert xoresnet("space", "digits", "--check", "arch.json").is_refusal(1, REFUSAL)
    assert not Path("imported").exists()
    checked = xoresnet("space", "digits", "--check", "arch.json", "--trust-code").out.splitlines()
    assert checked[0] == "arch.json is in the space"
    assert Path("imported").exists()


@pytest.mark.usefixtures("network")
@pytest.mark.parametrize("words", ["train arch.json", "ablate arch.json --fields timesteps"])
@pytest.mark.parametrize("dry", [True, False])
def test_a_network_that_is_to_be_trained(words: str, dry: bool) -> None:
    command = [*words.split(), *["--dry-run"] * dry]
    assert xoresnet(*command).is_refusal(1, REFUSAL)
    assert not Path("imported").exists()
    assert not Path("runs").exists()
    if dry:
        assert xoresnet(*command, "--trust-code").code == 0
        assert Path("imported").exists()
