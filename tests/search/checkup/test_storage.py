"""The place of a run: folders and URLs that can be written, that cannot, and that hold something else."""

from __future__ import annotations

import os
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path

import fsspec
import pytest

from tests.small_disk import small_disk
from xoresnet.errors import RunError
from xoresnet.files.yaml_text import write_yaml
from xoresnet.search.checkup.storage import Storage, look_from_node, marked, saved_config, storage_facts
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.lease import Lease


def contents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def url(folder: Path) -> str:
    """That of a folder of this machine, by fsspec; `file://` is a folder for us, which needs none."""
    return f"local://{folder}"


@pytest.mark.parametrize("form", ["{}", "file://{}"])
@pytest.mark.parametrize("inner", ["", "run", "runs/of/mine"])
def test_a_folder(form: str, inner: str, tmp_path: Path) -> None:
    """Of a run that exists, or not yet; nothing is left behind, and nodes need not see it."""
    (tmp_path / "run").mkdir()
    before = contents(tmp_path)
    with marked(Storage(form.format(tmp_path / inner))) as marker:
        assert marker is None
        assert contents(tmp_path) == before


def test_a_node_that_can_use_the_url(tmp_path: Path) -> None:
    with marked(Storage(url(tmp_path))) as marker:
        assert marker is not None
        assert [file.read_text() for file in contents(tmp_path)] == [marker.content]
        assert look_from_node(marker) == {"sees": True, "writes": True, "fault": ""}
    assert contents(tmp_path) == []


def test_a_store_by_fsspec() -> None:
    with marked(Storage("memory://bucket/runs/digits")) as marker:
        assert marker is not None
        assert look_from_node(marker) == {"sees": True, "writes": True, "fault": ""}
    assert fsspec.filesystem("memory").find("/bucket") == []


def test_a_node_that_sees_another_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xoresnet.search.checkup.storage._ARRIVAL_SECONDS", 0.5)
    with marked(Storage(url(tmp_path))) as marker:
        assert marker is not None
        for other in (marker._replace(content="x"), marker._replace(url=url(tmp_path / "other"))):
            fault = f"what other machines write at {other.url} does not arrive"
            assert look_from_node(other) == {"sees": False, "writes": None, "fault": fault}


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """By a user who may not; root may write everywhere."""
    folder = tmp_path / "run"
    folder.mkdir()
    with marked(Storage(url(folder))) as marker:
        assert marker is not None
        folder.chmod(0o555)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                for parent in folder.parents:
                    parent.chmod(0o755)
                    if parent.name.startswith("pytest-of-"):
                        break
                if os.getuid() == 0:
                    os.setuid(65534)
                seen = look_from_node(marker)
                assert (seen["sees"], seen["writes"]) == (True, False)
                assert seen["fault"].startswith(f"{url(folder)} cannot be written: ")
                with pytest.raises(RunError, match=r"/run/inner cannot be written: Permission denied$"):
                    marked(Storage(str(folder / "inner"))).__enter__()
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        folder.chmod(0o755)
    assert contents(folder) == []


def test_a_disk_that_cannot_be_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "1m") as disk:
        subprocess.run(["mount", "-o", "remount,ro", str(disk.path)], check=True)
        with pytest.raises(RunError, match=r"/disk/run cannot be written: Read-only file system$"):
            marked(Storage(str(disk.path / "run"))).__enter__()


@pytest.mark.parametrize(
    ("place", "sentence"),
    [
        ("/proc/none/run", "/proc/none/run cannot be written: No such file or directory"),
        ("file:///proc/none/run", "/proc/none/run cannot be written: No such file or directory"),
        ("teleport://there/run", "teleport://there/run: unknown URL scheme 'teleport'; use abfs, gs, *"),
        ("teleport://ann:pw@there", "teleport://ann:***@there: a URL must not contain a key or a password; set the *"),
    ],
)
def test_places_that_are_none(place: str, sentence: str) -> None:
    with pytest.raises(RunError) as caught:
        marked(Storage(place)).__enter__()
    assert fnmatchcase(str(caught.value), sentence)


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"notes.txt": "mine"}, "holds other files"),
        ({"config.yaml": "command: train"}, "holds a training, not a search"),
        ({"config.yaml": "depth: 8"}, "holds no search: its config.yaml was not written by one"),
        ({"config.yaml": "[a: b"}, "/config.yaml, line 1, column 1: "),
    ],
)
@pytest.mark.parametrize("form", ["{}", "local://{}"])
def test_what_holds_no_search(files: dict[str, str], sentence: str, form: str, tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    if form != "{}" and "notes.txt" in files:  # a store may hold the objects of others beside a run's
        assert saved_config(Storage(form.format(tmp_path))) is None
        return
    with pytest.raises(RunError) as caught:
        saved_config(Storage(form.format(tmp_path)))
    assert str(caught.value).startswith(form.format(tmp_path)), caught.value
    assert sentence in str(caught.value)


@pytest.mark.parametrize("form", ["{}", "local://{}"])
def test_what_holds_a_search(form: str, tmp_path: Path) -> None:
    storage = Storage(form.format(tmp_path))
    assert saved_config(storage) is None
    (tmp_path / "config.yaml").write_text(write_yaml({"command": "search", "data": {"name": "digits"}}))
    assert saved_config(storage) == {"command": "search", "data": {"name": "digits"}}
    assert storage_facts(storage)["in_use"] is False
    if storage.remote is None:
        with claimed(tmp_path):
            assert storage_facts(storage)["in_use"] is True
        return
    lease = Lease(storage.remote)
    lease.take()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("xoresnet.search.folders.lease._machine", lambda: "another one")
            assert storage_facts(storage)["in_use"] is True
    finally:
        lease.release()
    assert storage_facts(storage)["in_use"] is False
