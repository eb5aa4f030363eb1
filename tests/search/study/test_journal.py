"""The journal of a study: read while it is written, and mended where a crash has torn it."""

from __future__ import annotations

import json
import tempfile
import threading
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
from xoresnet.search.study.journal import JournalReader, mend, open_journal

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
        if any(later and not one for one, later in pairwise(whole)):  # damage before a whole line
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


# looking


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        (b"", 0),
        (A + B + C, 3),
        (A + B + C[:-1], 2),
        (A + b"hello\n" + B, 1),
        (A + b"\n" + B, 1),
        (A + b"3\n" + B, 1),
        (b"\0" * 4096, 0),
        (A + b"\0" * 4096 + B, 1),
        (A + b"\xff\n", 1),
        (A + B[:5] + C, 1),
    ],
)
def test_it_is_seen_up_to_the_first_torn_line(content: bytes, seen: int, path: Path) -> None:
    path.write_bytes(content)
    reader = JournalReader(path)
    for number in range(5):
        assert list(reader.read_logs(number)) == ENTRIES[number:seen]
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_cut_anywhere_it_has_the_lines_before(path: Path) -> None:
    whole = A + B + C
    ends = [len(A), len(A + B), len(whole)]
    for end in range(len(whole) + 1):
        path.write_bytes(whole[:end])
        assert list(JournalReader(path).read_logs(0)) == ENTRIES[: sum(end >= one for one in ends)]


def test_it_is_never_written(path: Path) -> None:
    path.write_bytes(A)
    with pytest.raises(OSError, match=f"^{path} is open for reading only$"):
        JournalReader(path).append_logs(ENTRIES)
    assert path.read_bytes() == A
    with pytest.raises(FileNotFoundError):
        list(JournalReader(path.with_name("none")).read_logs(0))


def test_one_reader_goes_on_where_it_was(path: Path) -> None:
    """As Optuna's storage reads: each entry is given once, however the writer's pieces fall."""
    path.touch()
    reader, seen = JournalReader(path), list[dict[str, Any]]()
    with path.open("ab", buffering=0) as writer:
        for byte in A + B + C:
            writer.write(bytes([byte]))
            seen += reader.read_logs(len(seen))
    assert seen == ENTRIES


def test_a_search_at_work_is_seen_as_it_was_at_some_moment(path: Path) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = JournalStorage(JournalFileBackend(str(path)))
    study = optuna.create_study(study_name="run", storage=storage, directions=["maximize", "minimize"])
    seen = optuna.load_study(study_name="run", storage=JournalStorage(JournalReader(path)))

    def search() -> None:
        for number in range(40):
            trial = study.ask()
            trial.set_user_attr("level", "x" * 2000)  # so that lines are long
            study.tell(trial, [number, -number])

    writer = threading.Thread(target=search)
    writer.start()
    finished = list[int]()
    while writer.is_alive() or not finished or finished[-1] < 40:
        anew = optuna.load_study(study_name="run", storage=JournalStorage(JournalReader(path)))
        for one in (seen, anew):
            trials = one.trials
            values = [trial.values for trial in trials if trial.state.is_finished()]
            assert values == [[number, -number] for number in range(len(values))]
            assert [trial.number for trial in trials] == list(range(len(trials)))
            finished.append(len(values))
    writer.join()
    assert sorted(finished) == finished
    assert [trial.user_attrs for trial in seen.trials] == [trial.user_attrs for trial in study.trials]


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
        for storage in (open_journal(path), JournalStorage(JournalReader(path))):
            trials = optuna.load_study(study_name=study.study_name, storage=storage).trials
            assert [trial.state for trial in trials] == [*before, TrialState.COMPLETE]
        assert aside(path) == b""


def fill(study: optuna.Study) -> None:
    while True:
        trial = study.ask()
        trial.set_user_attr("layers", "x" * 3000)
        study.tell(trial, [0.5, 1.0])
