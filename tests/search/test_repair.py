"""A run whose files are damaged: nothing that it had is lost, what is wrong is said once, and `repair` mends it."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.search.command_line import xoresnet
from tests.search.confirmations import begin, carry_out, confirming, made_search
from tests.search.views.test_search import complete, search_config, searching
from xoresnet.errors import RunError
from xoresnet.results import Run, load
from xoresnet.search.confirmation.study import CONFIRMATION
from xoresnet.search.folders.claim import claimed
from xoresnet.search.repair import repair
from xoresnet.search.retraining.side_study import lost_trainings
from xoresnet.search.study.opening import read_search

TABLES = ("trials", "history", "layers", "confirmed")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search of six trials and its confirmation; not to be changed."""
    run = made_search(tmp_path_factory.mktemp("whole") / "run")
    with confirming(run, seeds=1) as confirmation:
        while (run_id := begin(confirmation)) is not None:
            confirmation.bridge.on_end(run_id)
        confirmation.write_table()
    return run


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def same(left: Run, right: Run) -> None:
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(left, name), getattr(right, name))


def contents(run: Path) -> dict[str, bytes]:
    """All files but those that reading may write."""
    names = {path.name for path in run.iterdir() if path.is_file()} - {".lock", "report.html"}
    return {name: (run / name).read_bytes() for name in names}


def zeroed(journal: Path) -> None:
    content = bytearray(journal.read_bytes())
    content[len(content) // 3] = 0
    journal.write_bytes(content)


def cut(journal: Path) -> None:
    journal.write_bytes(journal.read_bytes()[: journal.stat().st_size * 2 // 3])


def emptied(journal: Path) -> None:
    journal.write_bytes(b"")


def changed_digit(journal: Path) -> None:
    """In the figures of the last epoch of a complete trial, which stay a number."""
    lines = journal.read_bytes().splitlines(keepends=True)
    place = next(place for place, line in enumerate(lines) if b'"values":[0.9,' in line)
    lines[place] = lines[place].replace(b'"values":[0.9,', b'"values":[0.8,')
    journal.write_bytes(b"".join(lines))


def removed_line(journal: Path) -> None:
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join([*lines[: len(lines) // 2], *lines[len(lines) // 2 + 1 :]]))


def block_of_zeros(journal: Path) -> None:
    """As a disk loses a block: several lines are gone and one is half there."""
    content = bytearray(journal.read_bytes())
    content[4096:8192] = bytes(4096)
    journal.write_bytes(content)


DAMAGES = (zeroed, cut, emptied, Path.unlink, changed_digit, removed_line, block_of_zeros)


@pytest.mark.parametrize("damage", DAMAGES)
def test_reading_a_damaged_run_destroys_nothing_and_repair_mends_it(
    damage: Callable[[Path], None], run: Path, whole: Path
) -> None:
    damage(run / "study.journal")
    before, good = contents(run), load(whole)
    shown = xoresnet("front", str(run), "--json")
    assert shown.code == 0
    assert shown.json == xoresnet("front", str(whole), "--json").json
    assert xoresnet("report", str(run)).code == 0
    assert xoresnet("status", str(run), "--json").json == xoresnet("status", str(whole), "--json").json
    for result in (shown, xoresnet("status", str(run))):
        (sentence,) = result.err.splitlines()
        assert str(run / "study.journal") in sentence
        assert sentence.endswith(f"; to rebuild it: xoresnet repair {run}")
    assert contents(run) == before
    same(load(run), good)

    with pytest.raises(RunError, match="to rebuild it: xoresnet repair"), searching(config_of(run), run):
        raise AssertionError("the search began")
    assert contents(run) == before
    with pytest.raises(RunError, match="to rebuild it: xoresnet repair"), confirming(run, seeds=2):
        raise AssertionError("the confirmation began")
    assert contents(run) == before

    result = xoresnet("repair", str(run))
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"found: {run / 'study.journal'}")
    assert result.out.endswith(f"what was replaced is in {run / 'before-repair'}\n")
    same(load(run), good)
    for name in ("study.journal", "trials.parquet"):
        kept = run / "before-repair" / name
        assert (kept.read_bytes() if kept.exists() else None) == before.get(name)
    status = xoresnet("status", str(run), "--json")
    assert (status.err, status.json) == ("", xoresnet("status", str(whole), "--json").json)
    assert xoresnet("repair", str(run)).out == "nothing is damaged; the tables were written anew\n"


def config_of(run: Path):  # type: ignore[no-untyped-def] # the fixture's, with the id of its study
    return search_config(retries=0, sampler="grid").replace(study=run.name)


@pytest.mark.parametrize("damage", [emptied, block_of_zeros])
def test_a_search_that_was_repaired_goes_on(damage: Callable[[Path], None], run: Path, whole: Path) -> None:
    """Its trials count, and none of its networks is trained again."""
    damage(run / "study.journal")
    repair(run)
    with searching(config_of(run), run) as search:
        assert search.bridge.finished == 5
        complete(search, 0.6, 10)
        search.frames.write()
    trials = load(run).trials
    assert list(trials["trial_id"])[:6] == [0, 1, 2, 3, 4, 5]
    assert trials.loc[trials["state"] != "FAIL", "arch_id"].is_unique  # what failed is tried again
    pd.testing.assert_frame_equal(
        trials[trials["trial_id"] < 6].drop(columns="is_pareto"), load(whole).trials.drop(columns="is_pareto")
    )


def test_what_the_journal_alone_has_stays(run: Path) -> None:
    """Trials behind the damage whose tables were never written, and a trial that was interrupted."""
    with searching(config_of(run), run) as search:
        complete(search, 0.61, 11)
        complete(search, 0.62, 12)
        assert search.bridge.next_config("interrupted") is not None
    zeroed(run / "study.journal")
    done = repair(run)
    study = read_search(run).study
    assert [trial.values for trial in study.trials[6:8]] == [[0.61, 11], [0.62, 12]]
    assert [trial.state.name for trial in study.trials[6:]] == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert (done.trials, done.lost) == (9, ())
    assert len(done.from_tables) == 1


def test_what_is_nowhere_is_said(run: Path) -> None:
    with searching(config_of(run), run) as search:
        complete(search, 0.61, 11)
        complete(search, 0.62, 12)
    lines = (run / "study.journal").read_bytes().splitlines(keepends=True)
    place = next(
        place for place, line in enumerate(lines) if b"[0.61,11" in line.replace(b" ", b"") and b"tell" not in line
    )
    lines[place] = b"\0" * (len(lines[place]) - 1) + b"\n"
    (run / "study.journal").write_bytes(b"".join(lines))
    done = repair(run)
    assert done.lost == (6,) or done.trials == 8
    assert read_search(run).study.trials[7].values == [0.62, 12]
    assert read_search(run).fault == ""


@pytest.mark.parametrize(
    "name", ["trials.parquet", "history.parquet", "layers.parquet", "front.csv", "confirmed.parquet"]
)
@pytest.mark.parametrize("damage", ["deleted", "emptied", "truncated", "changed"])
def test_a_table_is_rebuilt_by_any_command_that_reads(name: str, damage: str, run: Path, whole: Path) -> None:
    content = (run / name).read_bytes()
    middle = len(content) // 2
    broken = {"emptied": b"", "truncated": content[:middle], "changed": content[: middle - 400] + b"x" * 800}
    if damage == "deleted":
        (run / name).unlink()
    elif name == "front.csv" and damage != "emptied":
        pytest.skip("nothing reads it")
    else:
        (run / name).write_bytes(broken[damage])
    result = xoresnet("front", str(run), "--json")
    assert (result.code, result.err, len(result.json)) == (0, "", 3)
    same(load(run), load(whole))
    assert (run / name).read_bytes() == content if name == "front.csv" else True


def test_a_folder_that_may_not_be_written_is_read(run: Path, whole: Path) -> None:
    """With its tables gone as well: they are made in memory."""
    for name in TABLES:
        (run / f"{name}.parquet").unlink()
    for path in (run, *run.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    before = contents(run)
    pid = os.fork()
    if pid == 0:  # root may write everything
        code = 1
        try:
            for parent in run.parents:
                parent.chmod(0o755)
                if parent.name.startswith("pytest-of-"):
                    break
            if os.getuid() == 0:
                os.setuid(65534)
            shown = xoresnet("front", str(run), "--json"), xoresnet("status", str(run), "--json")
            code = 0 if all(result.code == 0 and not result.err for result in shown) else 2
            code = code or (0 if len(shown[0].json) == len(shown[1].json["front"]) == 3 else 3)
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert contents(run) == before
    for path in (run, *run.rglob("*")):
        path.chmod(0o755)


# the confirmation


@pytest.mark.parametrize("damage", [zeroed, cut, emptied, Path.unlink, removed_line])
def test_a_damaged_confirmation(damage: Callable[[Path], None], run: Path, whole: Path) -> None:
    damage(run / "confirm.journal")
    before = contents(run)
    result = xoresnet("front", str(run))
    assert result.code == 0
    assert result.err.endswith(f"xoresnet repair {run}\n")
    same(load(run), load(whole))
    with pytest.raises(RunError, match="to rebuild it: xoresnet repair"), confirming(run, seeds=2):
        raise AssertionError("the confirmation began")
    assert contents(run) == before
    for again in (False, True):
        assert bool(repair(run).faults) is not again
        pd.testing.assert_frame_equal(
            load(run).confirmed.sort_values("arch_id", ignore_index=True),
            load(whole).confirmed.sort_values("arch_id", ignore_index=True),
        )
    with confirming(run, seeds=1) as confirmation:
        assert confirmation.to_do == 0


def test_a_confirmation_that_is_damaged_again_keeps_what_was_repaired(run: Path, whole: Path) -> None:
    """The second time without its table: the journal that was rebuilt is all there is."""
    emptied(run / "confirm.journal")
    repair(run)
    lines = (run / "confirm.journal").read_bytes().splitlines(keepends=True)
    (run / "confirm.journal").write_bytes(b"".join([*lines[:-2], b"damaged\n", lines[-1]]))
    (run / "confirmed.parquet").unlink()
    assert len(repair(run).faults) == 1
    with confirming(run, seeds=1) as confirmation:
        assert confirmation.to_do == 1  # of three
        assert carry_out(confirmation) == [3]
    assert len(load(run).confirmed) == 3


def test_a_training_that_was_running_and_is_lost_is_begun_again(run: Path) -> None:
    with confirming(run, seeds=2) as confirmation:
        assert begin(confirmation, epochs=1) is not None
    damage_line(run / "confirm.journal", b'"trial":3')
    assert repair(run).faults
    with confirming(run, seeds=2) as confirmation:
        assert carry_out(confirmation) == [4, 5, 6]
    assert xoresnet("status", str(run), "--json").json["running"] == []


def damage_line(journal: Path, part: bytes) -> None:
    """The last line with this part."""
    lines = journal.read_bytes().splitlines(keepends=True)
    place = max(place for place, line in enumerate(lines) if part in line)
    lines[place] = b"\0" * (len(lines[place]) - 1) + b"\n"
    journal.write_bytes(b"".join(lines))


@pytest.mark.parametrize("part", [b'"arch_id"', b'"arch"', b'"recipe"'])
def test_a_trial_that_had_only_begun_when_its_network_was_lost(part: bytes, run: Path) -> None:
    """Its parameters tell it."""
    with searching(config_of(run), run) as search:
        begun = search.bridge.next_config("one")
    assert begun is not None
    damage_line(run / "study.journal", part)
    assert repair(run).lost == ()
    with searching(config_of(run), run) as search:
        again = search.bridge.next_config("again")
        assert {**(again or {}), "reach": None} == {**(begun or {}), "reach": None}  # which differs in each session


def test_two_confirmations_that_differ_in_their_recipes_are_two(run: Path) -> None:
    """Of one network, with the same seed and as many epochs."""
    table = load(run).confirmed
    other = table.iloc[[0]].assign(**{"config.recipe.learning_rate": 0.0123})
    study = CONFIRMATION.look(run)
    assert lost_trainings(table, study) == 0
    assert lost_trainings(pd.concat([table, other]), study) == 1


# what cannot be repaired


def test_nothing_is_repaired_while_a_process_works(run: Path) -> None:
    zeroed(run / "study.journal")
    before = contents(run)
    with claimed(run):
        result = xoresnet("repair", str(run))
    assert result.is_refusal(1, f"another process is working in {run}; wait for its end, or stop it")
    assert contents(run) == before


@pytest.mark.parametrize("text", [None, "a: [b", "command: train\n"])
def test_without_a_configuration(text: str | None, run: Path) -> None:
    (run / "config.yaml").unlink()
    if text is not None:
        (run / "config.yaml").write_text(text)
    result = xoresnet("repair", str(run))
    assert result.code == (1 if text == "a: [b" else 2)
    assert len(result.err.splitlines()) == 1
    assert xoresnet("repair", "nowhere").is_refusal(2, "there is no folder nowhere")


# a journal of an earlier version, whose lines have no checksums: the tables tell what is wrong


def double_training(run: Path) -> None:
    """So that the later ones are renumbered."""
    lines = (run / "confirm.journal").read_bytes().splitlines(keepends=True)
    (run / "confirm.journal").write_bytes(b"".join([*lines[:5], lines[1], *lines[5:]]))


def change_figure(run: Path) -> None:
    change_number(run, rb'("record:2": ?\{.*?"energy_pj_per_sample": ?)[\d.]+')


def change_layer(run: Path) -> None:
    change_number(run, rb'(\\"stream_spikes_per_sample\\": ?)[\d.]+')


def change_number(run: Path, pattern: bytes) -> None:
    content, count = re.subn(pattern, rb"\g<1>1.5", (run / "study.journal").read_bytes(), count=1)
    assert count == 1
    (run / "study.journal").write_bytes(content)


@pytest.mark.parametrize("damage", [double_training, change_figure, change_layer])
def test_lines_without_checksums(damage: Callable[[Path], None], tmp_path: Path) -> None:
    run = Path(shutil.copytree(Path(__file__).parents[1] / "landed" / "run", tmp_path / "run"))
    good = load(run)
    damage(run)
    for _ in range(2):
        repair(run)
        for name in TABLES:
            keys = (
                ["arch_id", "seed"]
                if name == "confirmed"
                else ["trial_id", *({"epoch", "layer"} & {*getattr(good, name)})]
            )
            before, after = (
                getattr(each, name).sort_values(keys, ignore_index=True).select_dtypes("float64")
                for each in (good, load(run))
            )
            pd.testing.assert_frame_equal(before, after)
