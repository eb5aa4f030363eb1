"""A whole search whose disk runs full, and whose study is in a database with a password."""

from __future__ import annotations

import shlex
import shutil
from pathlib import Path

import pytest

from tests.results.made_runs import run_of, trial, write_run
from tests.search.command_line import xoresnet
from tests.search.runs import SMALL
from tests.small_disk import small_disk

PASSWORD = "tops3cret"


@pytest.mark.usefixtures("ray")
@pytest.mark.filterwarnings("ignore")
def test_it_ends_with_a_sentence_and_goes_on_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the command that it prints, pasted into a shell; no trial fails, and nothing shows the password."""
    monkeypatch.chdir(tmp_path)
    Path("small.yaml").write_text(SMALL)
    storage = f"sqlite:///file:{tmp_path}/studies.db?uri=true&password="
    words = ["budget=3", "epochs=2", "max_concurrent=1", "baselines=none"]
    results = []
    with small_disk(tmp_path / "my disk", "8m") as disk:
        run = disk.path / "run"
        disk.fill(leave=2**20 + 80_000)
        stopped = xoresnet("search", "small.yaml", *words, f"storage={storage}{PASSWORD}", "--run", "my disk/run")
        where = f"no space is left in {run}: 1.* MB are free on its disk, about 1.* MB needed"
        assert stopped.is_refusal(1, f"{where}; everything finished is kept in {run}; to resume: xoresnet search *")
        resume = shlex.split(stopped.err.partition("to resume: ")[2])
        assert f"storage={storage}***" in resume
        before = xoresnet("status", "my disk/run", "--json")
        assert (before.json["failed"], before.json["spent"] < 3) == (0, True)
        disk.grow("64m")
        results += [stopped, before, xoresnet(*resume[1:])]
        assert results[-1].code == 0, results[-1].err
        after = xoresnet("status", "my disk/run", "--json")
        assert (after.json["failed"], after.json["spent"]) == (0, 3)
        assert (run / "config.yaml").stat().st_mode & 0o777 == 0o600
        other = xoresnet("search", "small.yaml", *words, f"storage={storage}{PASSWORD}", "--run", "elsewhere/run")
        owner = (
            f"belongs to the run in {run}, not to the one in {tmp_path}/elsewhere/run; choose another name with study="
        )
        assert other.is_refusal(1, f"the study 'run' in {storage}*** {owner}")
        results += [
            after,
            other,
            xoresnet("search", *words, f"storage={storage}{PASSWORD}", "--run", "new", "--dry-run"),
        ]
        results += [xoresnet(command, "my disk/run") for command in ("status", "front", "report")]
        assert [result.code for result in results[-4:]] == [0, 0, 0, 0]
        files = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert not any(PASSWORD in result.out + result.err for result in results)
    assert [path for path, content in files.items() if PASSWORD.encode() in content] == [run / "config.yaml"]
    assert b"password=***" in files[run / "report.html"]


def test_every_command_that_writes_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And leaves what is there as it is; those that only read go on reading."""
    monkeypatch.chdir(tmp_path)
    write_run(run_of(trial(0)), tmp_path / "run")
    with small_disk(tmp_path / "disk", "1m") as disk:
        shutil.copytree("run", "disk/run")
        disk.fill(leave=0)
        before = contents(disk.path)
        for command, folder in (
            ("search digits budget=1 --run disk/new", f"{disk.path}/new"),
            ("report disk/run", f"{disk.path}/run"),
            ("report run --output disk/report.html", disk.path),
            ("report run --figures disk/figures", f"{disk.path}/figures"),
            ("space digits --sample 2 --out disk/archs", f"{disk.path}/archs"),
            ("train xoresnet8 epochs=1 --run disk/one", f"{disk.path}/one"),
        ):
            result = xoresnet(*command.split())
            assert result.is_refusal(1, f"no space is left in {folder}: 0 bytes are free on its disk*"), command
        assert contents(disk.path) == before
        assert not (disk.path / "new").exists()
        assert xoresnet("front", "disk/run").code == 0


def contents(folder: Path) -> dict[Path, bytes]:
    """Of all files but locks, which are empty."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}
