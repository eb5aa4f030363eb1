from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.search.command_line import xoresnet
from xoresnet.search.cli import COMMANDS


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("trian", "No such command 'trian'. Did you mean 'train'? (see xoresnet --help)"),
        ("--jsn", "No such option '--jsn'. (see xoresnet --help)"),
        ("train", "Missing argument 'ARCH'. (see xoresnet train --help)"),
        ("train xoresnet8 --rnu x", "No such option '--rnu'. Did you mean '--run'? (see xoresnet train --help)"),
        ("train xoresnet8 --run", "Option '--run' requires an argument."),
        ("train xoresnet8 --threads 0", "--threads must be at least 1, got 0 (see *)"),
        ("train xoresnet8 --threads two", "--threads must be a whole number, got 'two' (see *)"),
        ("data digits cifar10", "'cifar10' is not a setting; write key=value, for example epochs=5"),
        ("data --jsn", "No such option '--jsn'. Did you mean '--json'? (see xoresnet data --help)"),
    ],
)
def test_wrong_usage_is_one_sentence(words: str, message: str, tmp_path: Path) -> None:
    result = xoresnet(*words.split())
    assert result.is_refusal(2, message)
    assert result.out == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "code", "shown"),
    [
        ("", 2, "List the data sets"),
        ("-h", 0, "Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted"),
        ("train --help", 0, "Usage: xoresnet train [OPTIONS] ARCH [KEY=VALUE]..."),
        ("data -h", 0, "--data-root DIR"),
        ("--version", 0, "xoresnet, version "),
    ],
)
def test_help(words: str, code: int, shown: str) -> None:
    result = xoresnet(*words.split())
    assert (result.code, result.err) == (code, "")
    assert shown in result.out


@pytest.mark.parametrize("name", COMMANDS)
def test_summaries_are_the_first_sentences_of_the_commands_own_help(name: str) -> None:
    command = getattr(import_module(f"xoresnet.search.commands.{name}"), name)
    assert str(command.help).split("\n\n")[0] == COMMANDS[name]
    assert COMMANDS[name] in " ".join(xoresnet("--help").out.split())


@pytest.mark.parametrize(
    ("words", "kept_out"),
    [
        ("--help", {"torch", "ray", "optuna", "pandas", "pydantic", "rich"}),
        ("space digits", {"torch", "ray", "optuna", "pandas"}),
        ("search --help", {"torch", "ray", "optuna", "pandas"}),
        ("search digits --jsn", {"torch", "ray", "optuna", "pandas"}),
        ("confirm --help", {"torch", "ray", "optuna"}),
        ("train --help", {"torch", "ray", "optuna", "pandas"}),
        ("train xoresnet9", {"torch", "ray", "optuna", "pandas"}),
        ("data --help", {"torch", "ray", "optuna", "pandas"}),
        ("export --help", {"torch", "ray", "optuna"}),
        ("front nowhere", {"torch", "ray", "optuna"}),
        ("report nowhere", {"torch", "ray", "optuna"}),
        ("status nowhere", {"torch", "ray"}),
    ],
)
def test_commands_import_only_what_they_need(words: str, kept_out: set[str]) -> None:
    code = "import sys; from xoresnet.search.cli import main; main(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"
    command = [sys.executable, "-c", code, *words.split()]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stderr.splitlines()[-1]
    assert not kept_out & set(imported.split())


def test_what_the_file_system_refuses_is_one_sentence() -> None:
    Path("file").touch()
    result = xoresnet("space", "digits", "--sample", "1", "--out", "file/archs")
    assert result.is_refusal(1, "file/archs: Not a directory")


def test_a_reader_that_has_seen_enough() -> None:
    """`xoresnet --help | head -1`: no sentence, no traceback, not even when Python ends and flushes stdout."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-c", "from xoresnet.search.cli import run; run()", "--help"]
    ended = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, check=False)
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_reading_runs_no_file_of_the_working_directory() -> None:
    """Not even in place of an optional package that pandas tries to import and that is not installed."""
    run = Path(__file__).parents[1] / "landed" / "run"
    missing = [name for name in ("bottleneck", "numexpr") if find_spec(name) is None]
    if not missing:
        pytest.skip("every package that pandas tries is installed")
    for name in missing:
        Path(f"{name}.py").write_text("import pathlib; pathlib.Path('ran').touch()\n")
    code = "from xoresnet.search.cli import run; run()"
    command = [sys.executable, "-P", "-c", code, "front", str(run), "--json"]  # -P: as the installed script does
    subprocess.run(command, capture_output=True, check=True)
    assert not Path("ran").exists()
