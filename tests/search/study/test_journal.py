"""The journal of a study: read while it is written, and mended where a crash has torn it."""

from __future__ import annotations

import json
import os
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from tests.small_disk import small_disk
from xoresnet.errors import XOResNetError
from xoresnet.search.study.journal import JournalFile, damage_of, mend, open_journal
from xoresnet.search.study.lines import is_guarded, number_of
from xoresnet.search.study.reading import ReadStorage

ENTRIES: list[dict[str, Any]] = [{"op_code": 0, "name": "run"}, {"op_code": 4, "x": [1.5, None]}, {"op_code": 5}]
A, B, C = (json.dumps(entry, separators=(",", ":")).encode() + b"\n" for entry in ENTRIES)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "study.journal"


def aside(path: Path) -> bytes:
    """What was cut off."""
    torn = path.with_name("study.journal.torn")
    return torn.read_bytes() if torn.exists() else b""


# mending


@pytest.mark.parametrize(
    ("kept", "cut"),
    [
        (b"", b""),
        (A + B, b""),
        (A + B.replace(b"\n", b" \r\n"), b""),
        # a line without its end was never acknowledged, even where all of it is there
        (A + B, C[:1]),
        (A + B, C[:5]),
        (A + B, C[:-1]),
        (A, B[:-1] + C),
        (A, B[:4] + C),
        (A, B[:4] + b"\n"),
        (A, B[:4] + b"\n" + C[:2]),
        (A, b"hello\n" * 3),
        (A, b"\n"),
        (A, b"\n\n \n"),
        (A, b"\0" * 4096),
        (A, b"\0" * 512 + b"\n"),
        (A, b"\0" * 511 + b"\n\0\n"),
        (A, b"\0" * 512 + B),
        (A, b"\xff\xfe\n"),
        (A, b"3\n"),
        (A, b"null\n"),
        (A, b'"text"\n'),
        (A, b"[" + B[:-1] + b"]\n"),
        (b"", A[:-1]),
        (b"", A[3:]),
        (b"", b"hello\nwor"),
    ],
)
def test_what_is_behind_the_last_whole_line_is_set_aside(kept: bytes, cut: bytes, path: Path) -> None:
    path.write_bytes(kept + cut)
    mend(path)
    assert path.read_bytes() == kept
    assert aside(path) == cut
    assert path.with_name("study.journal.torn").exists() is bool(cut)
    mend(path)  # and never again
    assert path.read_bytes() == kept
    assert aside(path) == cut


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (A + b"hello\n" + B, 2),
        (A + b"\0" * 512 + b"\n" + B, 2),
        (b"\n" + A, 1),
        (A + b"hello\n" + B + C[:5], 2),
        (A + B + B[3:] + C + b"hello\n" + A[:1], 3),
    ],
)
def test_damage_in_the_middle_is_no_crashs_and_left_for_somebody_to_look_at(
    content: bytes, line: int, path: Path
) -> None:
    path.write_bytes(content)
    with pytest.raises(XOResNetError, match=rf"study\.journal, line {line} is damaged, but later lines are intact"):
        mend(path)
    assert path.read_bytes() == content
    assert aside(path) == b""


PIECES = st.sampled_from([A, B, C, A[:-1], B[:4], b"\n", b"\r", b"\0\0\n", b"{}", b"x\n"]) | st.binary(max_size=3)


def is_whole(line: bytes) -> bool:
    try:
        return "op_code" in json.loads(line)
    except (ValueError, TypeError):
        return False


@given(st.lists(PIECES, max_size=8).map(b"".join))
@example(b"\n")
@example(A + b"\r" + B)
def test_nothing_is_lost_and_no_whole_line_is_cut(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.journal"
        path.write_bytes(content)
        whole = [is_whole(line) for line in content.split(b"\n")[:-1]]
        if any(later and not earlier for earlier, later in pairwise(whole)):  # damage before a whole line
            with pytest.raises(XOResNetError):
                mend(path)
            assert path.read_bytes() == content
            return
        mend(path)
        kept = path.read_bytes()
        assert kept + aside(path) == content
        assert kept == b"" or (kept.endswith(b"\n") and is_whole(kept[:-1].rpartition(b"\n")[2]))
        *lines, _ = aside(path).split(b"\n")
        assert not any(map(is_whole, lines))


def test_a_journal_that_is_not_there_is_not_made(path: Path) -> None:
    mend(path)
    assert list(path.parent.iterdir()) == []


def test_the_lock_of_a_writer_that_was_killed(path: Path) -> None:
    path.write_bytes(A)
    lock = path.with_name("study.journal.lock")
    lock.touch()
    mend(path)
    assert not lock.exists()
    assert path.read_bytes() == A


def test_a_long_journal_is_searched_from_its_end(path: Path) -> None:
    path.write_bytes(B * 100_000 + b"hello\n" * 3 + B[:5])
    mend(path)
    assert path.read_bytes() == B * 100_000


# writing


def journal_of(path: Path, trials: int = 2) -> list[bytes]:
    """The lines of a small study."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=JournalStorage(JournalFile(path)), directions=["maximize", "minimize"])
    for number in range(trials):
        trial = study.ask()
        trial.set_user_attr("note", "x" * number)
        study.tell(trial, [number, -number])
    return path.read_bytes().splitlines(keepends=True)


def test_lines_are_numbered_and_guarded(path: Path) -> None:
    lines = journal_of(path)
    assert [number_of(line[:-1]) for line in lines] == list(range(1, len(lines) + 1))
    assert damage_of(path) is None


def test_optuna_itself_reads_and_continues_it(path: Path) -> None:
    """With lines that have no guard, after which guarded ones follow again."""
    count = len(journal_of(path))
    theirs = optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(path))))
    theirs.tell(theirs.ask(), [5.0, 5.0])
    ours = optuna.load_study(study_name=None, storage=JournalStorage(JournalFile(path)))
    ours.tell(ours.ask(), [6.0, 6.0])
    assert [trial.values for trial in theirs.trials] == [[0, 0], [1, -1], [5, 5], [6, 6]]
    numbers = [number_of(line) if is_guarded(line) else None for line in path.read_bytes().split(b"\n")[:-1]]
    assert numbers == [*range(1, count + 1), None, None, count + 3, count + 4]
    assert damage_of(path) is None


def test_lines_of_another_program_that_this_one_has_not_read_are_counted(path: Path) -> None:
    journal_of(path)
    ours = JournalFile(path)
    with path.open("ab") as other:
        other.write(B)
    ours.append_logs(ENTRIES[2:])
    assert damage_of(path) is None


@pytest.mark.parametrize("place", ["first", "middle", "guard"])
def test_every_changed_byte_of_a_line_is_noticed(place: str, path: Path) -> None:
    lines = journal_of(path)
    number = {"first": 0, "middle": len(lines) // 2, "guard": len(lines) // 2}[place]
    within = (
        range(len(lines[number]) - 9, len(lines[number]) - 2) if place == "guard" else range(len(lines[number]) - 1)
    )
    for byte in within:
        changed = bytearray(lines[number])
        changed[byte] ^= 1  # another digit, another letter
        path.write_bytes(b"".join([*lines[:number], changed, *lines[number + 1 :]]))
        damage = damage_of(path)
        assert damage is not None, changed
        assert damage.line == number + 1


def test_a_line_that_was_removed_or_doubled_is_noticed(path: Path) -> None:
    lines = journal_of(path)
    for changed in ([*lines[:3], *lines[4:]], [*lines[:4], *lines[3:]], [*lines[:2], lines[3], lines[2], *lines[4:]]):
        path.write_bytes(b"".join(changed))
        damage = damage_of(path)
        assert damage is not None
        assert damage.what.startswith("is out of place: it was written as line ")
        with pytest.raises(XOResNetError, match=r"; to rebuild it: xoresnet repair "):
            mend(path)


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """The next line, once there is room, would be added to it, and both be lost."""
    with small_disk(tmp_path / "disk", "64k") as disk:
        path = disk.path / "study.journal"
        study = optuna.create_study(storage=open_journal(path), directions=["maximize", "minimize"])
        for _ in range(3):  # a record may fit where the one before did not
            with pytest.raises(OSError, match="No space left"):
                fill(study)
            assert path.read_bytes().endswith(b"\n")
        before = [trial.state for trial in study.trials]
        assert len(before) > 10
        disk.grow("1m")
        study.tell(study.ask(), [0.5, 1.0])
        for storage in (open_journal(path), ReadStorage(path)):
            trials = optuna.load_study(study_name=study.study_name, storage=storage).trials
            assert [trial.state for trial in trials] == [*before, TrialState.COMPLETE]
        assert aside(path) == b""


def fill(study: optuna.Study) -> None:
    while True:
        trial = study.ask()
        trial.set_user_attr("layers", "x" * 3000)
        study.tell(trial, [0.5, 1.0])


@pytest.fixture
def syncs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that a file was synced with the disk."""
    done: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: (done.append(file), fsync(file)))
    return done


def test_each_line_reaches_the_disk_unless_several_are_written_together(path: Path, syncs: list[int]) -> None:
    file = JournalFile(path)
    file.append_logs(ENTRIES[:1])
    file.append_logs(ENTRIES[:1])
    assert len(syncs) == 2
    with file.together():
        file.append_logs(ENTRIES[:1])
        with file.together():
            file.append_logs(ENTRIES[:1])
        assert len(syncs) == 2
        assert len([*file.read_logs(0)]) == 4  # they are in the file all the same
    assert len(syncs) == 3
    with file.together():
        pass
    assert len(syncs) == 3


def test_what_was_written_reaches_the_disk_when_the_block_fails(path: Path, syncs: list[int]) -> None:
    file = JournalFile(path)

    def fail() -> None:
        with file.together():
            file.append_logs(ENTRIES[:1])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert len(syncs) == 1


def test_a_journal_that_need_not_be_durable_is_not_synced(path: Path, syncs: list[int]) -> None:
    file = JournalFile(path, durable=False)
    with file.together():
        file.append_logs(ENTRIES[:1])
    assert not syncs
