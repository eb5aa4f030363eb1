"""The copy of a run at a URL: what it takes from there, and what it never loses."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from xoresnet.errors import RunError
from xoresnet.files.remote import RemoteFolder
from xoresnet.search.folders import lease as leases
from xoresnet.search.folders.lease import Lease, is_leased
from xoresnet.search.folders.mirror import copied, mirror_folder, pull, shown_run
from xoresnet.search.folders.run import JOURNAL, TABLES, RunFolder
from xoresnet.search.folders.uploads import Uploads


@pytest.fixture
def remote(tmp_path: Path) -> RemoteFolder:
    return RemoteFolder(f"local://{tmp_path}/far/digits")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    (tmp_path / "copy").mkdir()
    return tmp_path / "copy"


def at(remote: RemoteFolder) -> dict[str, bytes | None]:
    return {name: remote.read(name) for name in remote.files()}


def test_each_url_has_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = mirror_folder("s3://bucket/runs/digits")
    assert (folder.name, folder.is_dir(), folder.is_relative_to(tmp_path)) == ("digits", True, True)
    assert mirror_folder("s3://bucket/runs/digits/") == folder
    assert mirror_folder("s3://other/runs/digits") != folder
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))  # as a home that cannot be written to
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert mirror_folder("s3://bucket/runs/digits").is_relative_to(tmp_path / "temporary")


def test_a_reader_gets_all_but_the_files_of_trials(remote: RemoteFolder, tmp_path: Path) -> None:
    for name in ("config.yaml", "study.journal", "prior/prior.journal", "trials/0000-a/weights", ".hidden", "x/../y"):
        remote.put_text(name, name)
    with copied(remote.url) as folder:
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert names == {".url", "config.yaml", "study.journal", "prior/prior.journal", "y"}
        assert (folder / "trials").is_dir()
        assert (folder.name, shown_run(folder)) == ("digits", remote.url)
        with pytest.raises(RunError, match=f"^{remote.url}/study.journal is damaged$"), copied(remote.url) as other:
            raise RunError(f"{other}/study.journal is damaged")
    assert not folder.exists()


def test_tables_that_were_uploaded_before_their_journal_are_told(remote: RemoteFolder, tmp_path: Path) -> None:
    for place, name in enumerate((*TABLES, JOURNAL)):
        remote.put_text("x", name)
        os.utime(tmp_path / "far" / "digits" / name, (1_700_000_000 + place,) * 2)
    with copied(remote.url) as folder:
        assert RunFolder(folder).is_behind()
    os.utime(tmp_path / "far" / "digits" / TABLES[-1], (1_800_000_000,) * 2)
    with copied(remote.url) as folder:
        assert not RunFolder(folder).is_behind()


def test_a_folder_is_its_own_copy(tmp_path: Path) -> None:
    with copied(str(tmp_path)) as folder, copied(tmp_path.as_uri()) as same:
        assert (folder, same) == (tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("here", "there", "then", "aside"),
    [
        ("", "a\nb\n", "a\nb\n", []),
        ("a\n", "a\nb\n", "a\nb\n", []),  # another machine went on
        ("a\nb\nc\n", "a\nb\n", "a\nb\nc\n", []),  # the process died before it was uploaded
        ("a\nb\n", "a\nb\n", "a\nb\n", []),
        ("a\nb\nx\n", "a\nb\nc\nd\n", "a\nb\nc\nd\n", ["a\nb\nx\n"]),  # both
        ("a\nb\n", None, "a\nb\n", []),  # nothing was uploaded yet
    ],
)
def test_which_journal_counts(
    here: str, there: str | None, then: str, aside: list[str], remote: RemoteFolder, copy: Path
) -> None:
    if here:
        (copy / "study.journal").write_text(here)
        (copy / "trials.parquet").write_text("mine")
    if there is not None:
        remote.put_text(there, "study.journal")
        remote.put_text("theirs", "trials.parquet")
    pull(remote, copy)
    assert (copy / "study.journal").read_text() == then
    assert [file.read_text() for file in copy.glob("study.journal.aside-*")] == aside
    is_mine = there is None or (len(here) > len(there) and not aside)
    assert (copy / "trials.parquet").read_text() == ("mine" if is_mine else "theirs")


def test_a_run_that_was_deleted_at_the_url_begins_anew(remote: RemoteFolder, copy: Path) -> None:
    (copy / "study.journal").write_text("a\n")
    (copy / "trials").mkdir()
    uploads = Uploads(remote, copy, ())
    assert uploads.push() == ""
    for name in remote.files():
        remote.remove(name)
    remote.put_text("{}", ".lease.json")  # of the driver that begins it anew
    pull(remote, copy)
    assert not (copy / "study.journal").exists()
    (kept,) = copy.parent.glob("copy.deleted-*")
    assert (kept / "study.journal").read_text() == "a\n"


class TestUploads:
    @pytest.fixture(autouse=True)
    def begun(self, copy: Path) -> None:
        (copy / "trials").mkdir()

    def test_what_changed_is_uploaded(self, remote: RemoteFolder, copy: Path) -> None:
        for name, text in {"study.journal": "a\nb\nhal", "x.parquet": "1", ".lock": "", "a.lock": ""}.items():
            (copy / name).write_text(text)
        (copy / "trials" / "0000-a").mkdir()
        (copy / "trials" / "0000-a" / "arch.json").write_text("{}")
        uploads = Uploads(remote, copy, ())
        assert uploads.push() == ""
        assert at(remote) == {"study.journal": b"a\nb\n", "x.parquet": b"1", "trials/0000-a/arch.json": b"{}"}
        remote.put_text("not again", "x.parquet")
        (copy / "study.journal").write_text("a\nb\nhalf\n")
        assert uploads.push() == ""
        assert (at(remote)["study.journal"], at(remote)["x.parquet"]) == (b"a\nb\nhalf\n", b"not again")

    def test_nothing_before_the_first_trial(self, remote: RemoteFolder, copy: Path) -> None:
        """Until then a search may be refused, and leaves nothing."""
        (copy / "trials").rmdir()
        (copy / "study.journal").write_text("a\n")
        assert Uploads(remote, copy, ()).push() == ""
        assert remote.files() == {}

    def test_nothing_once_another_driver_has_taken_over(self, remote: RemoteFolder, copy: Path) -> None:
        remote.put_text("", "trials/0000-a/checkpoint")
        (copy / "study.journal").write_text("a\n")
        uploads = Uploads(remote, copy, (), lambda: False)
        uploads.remove_later("trials/0000-a/checkpoint")
        assert uploads.push().startswith(f"{remote.url} belongs to another driver")
        assert [*remote.files()] == ["trials/0000-a/checkpoint"]

    def test_a_password_is_not(self, remote: RemoteFolder, copy: Path) -> None:
        (copy / "config.yaml").write_text("seed: 1\nstorage: mysql://ann:tops3cret@db/x\n")
        assert Uploads(remote, copy, ()).push() == ""
        assert remote.read("config.yaml") == b"seed: 1\nstorage: mysql://ann:***@db/x\n"
        pull(remote, copy)
        assert "tops3cret" in (copy / "config.yaml").read_text()

    def test_files_are_removed_after_the_journal_that_says_why(self, remote: RemoteFolder, copy: Path) -> None:
        remote.put_text("", "trials/0000-a/checkpoint")
        remote.put_text("", "trials/0001-b/checkpoint")
        (copy / "study.journal").write_text("a\n")
        uploads = Uploads(remote, copy, ())
        uploads.remove_later("trials/0000-a/checkpoint", "trials/0001-b/checkpoint")
        assert len(remote.files()) == 2
        assert uploads.settle("trials/0001-b/checkpoint")  # it goes on
        assert not uploads.settle("trials/0001-b/checkpoint")
        assert uploads.push() == ""
        assert {*remote.files()} == {"trials/0001-b/checkpoint", "study.journal"}

    def test_a_store_that_is_away_for_a_while(self, tmp_path: Path, copy: Path) -> None:
        remote = RemoteFolder(f"local://{tmp_path}/away/run")
        (tmp_path / "away").touch()
        (copy / "study.journal").write_text("a\n")
        uploads = Uploads(remote, copy, ())
        fault = uploads.push()
        assert fault.startswith(f"{remote.url}/study.journal cannot be written: ")
        (tmp_path / "away").unlink()
        uploads.begin()
        assert uploads.end() == ""
        assert at(remote) == {"study.journal": b"a\n"}


class TestLease:
    @pytest.fixture(autouse=True)
    def soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, seconds in {"_RENEW_SECONDS": 0.05, "_LEASE_SECONDS": 60.0, "_LOOK_SECONDS": 0.1}.items():
            monkeypatch.setattr(leases, name, seconds)

    def test_one_driver_at_a_time(self, remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        first = Lease(remote)
        assert not is_leased(remote)
        first.take()
        monkeypatch.setattr(leases, "_machine", lambda: "another")
        second = Lease(remote)
        assert is_leased(remote)
        with pytest.raises(RunError, match=rf"^another process is working in {remote.url}: {os.getpid()} on .*; wait "):
            second.take()
        first.release()
        second.take()
        second.release()
        assert remote.files() == {}

    def test_a_driver_that_is_gone_is_waited_for_and_told_of(
        self, remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(leases, "_LEASE_SECONDS", 0.5)
        remote.put_text('{"id": "x", "host": "far", "pid": 7}', ".lease.json")
        told: list[str] = []
        mine = Lease(remote)
        mine.take(told.append)
        mine.release()
        wait = "waiting 0.5 s at most to see whether it still runs ..."
        assert told == [f"Process 7 on far was the last to work in {remote.url}: {wait}"]

    def test_two_that_waited_for_the_same_moment(self, remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        def other(seconds: float) -> None:
            """Writes its lease while this one waits for others."""
            remote.put_text('{"id": "x", "host": "far", "pid": 7}', ".lease.json")

        monkeypatch.setattr(leases, "time", SimpleNamespace(monotonic=time.monotonic, sleep=other))
        with pytest.raises(RunError, match="another process is working"):
            Lease(remote).take()

    def test_a_driver_whose_store_is_away_stops_writing(
        self, remote: RemoteFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before another one may take over."""
        lease = Lease(remote)
        lease.take()
        assert lease.holds
        (tmp_path / "far").rename(tmp_path / "gone")
        (tmp_path / "far").touch()
        monkeypatch.setattr(leases, "_LEASE_SECONDS", 1.0)
        end = time.monotonic() + 60
        while lease.holds and time.monotonic() < end:
            threading.Event().wait(0.02)
        assert not lease.holds
        assert not lease.lost
        lease.release()

    def test_a_driver_that_is_gone(self, remote: RemoteFolder, monkeypatch: pytest.MonkeyPatch) -> None:
        """Elsewhere its lease has to end first; on the same machine it is known to be gone."""
        gone, here = Lease(remote), Lease(remote)
        gone._write(0)
        began = time.monotonic()
        here.take()
        assert time.monotonic() - began < 60
        here._ended.set()
        here._thread.join()
        monkeypatch.setattr(leases, "_machine", lambda: "another")
        monkeypatch.setattr(leases, "_LEASE_SECONDS", 1.0)
        there = Lease(remote)
        there.take()
        there.release()

    def test_a_driver_learns_that_another_one_took_over(self, remote: RemoteFolder) -> None:
        mine = Lease(remote)
        mine.take()
        end = time.monotonic() + 60
        while not mine.lost and time.monotonic() < end:
            # again and again: mine may just have looked, and then writes over it
            remote.put_text('{"id": "x", "host": "other", "pid": 7, "renewal": 0}', ".lease.json")
            threading.Event().wait(0.02)
        assert mine.lost == f"process 7 on other has taken over the run in {remote.url}"
        mine.release()
        assert b'"x"' in (remote.read(".lease.json") or b"")
