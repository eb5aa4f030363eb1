"""The copy of a run at a URL (`s3://bucket/runs/digits`) on the machine of its driver.

A search at a URL works in this copy, and `uploads.py` brings what it writes to the URL. Checkpoints and weights are not
in it: workers bring those to the URL themselves. The copy stays when the search ends, so that nothing is lost that was
not uploaded when its process died; another machine makes a copy of its own. A file `.url` marks a copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from xoresnet.errors import Fault, RunError, SpecError, XOResNetError
from xoresnet.files.atomic import write_text
from xoresnet.files.places import as_url, is_url, local_path
from xoresnet.files.remote import RemoteFile, RemoteFolder
from xoresnet.files.secrets import HIDDEN, hidden_address
from xoresnet.search.folders.lease import is_leased

__all__ = [
    "BUSY",
    "TRAININGS",
    "UPLOADED",
    "copied",
    "hidden_address_in",
    "is_copy",
    "mirror_folder",
    "named_as",
    "named_by_url",
    "named_run",
    "pull",
    "shown_run",
    "with_url",
]

_URL = ".url"
"""The file of a copy that holds the URL, without secrets."""
UPLOADED = ".uploaded"
"""The file of a copy that exists once all of it was uploaded for the first time."""
BUSY = ".busy"
"""The file of a copy that is only read, where a driver was working at the URL when it was made."""
TRAININGS = ("trials", "confirmed", "ablated")
"""The folders of a run that hold one folder for each training."""
_BLOCK = 2**20


def mirror_folder(url: str) -> Path:
    """Where the copy of a run lies: in `$XDG_CACHE_HOME`, else `~/.cache`, else the folder for temporary files."""
    key = hashlib.sha256(hidden_address(url).rstrip("/").encode()).hexdigest()[:12]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    for root in (home, _temporary()):
        folder = root / "xoresnet" / "runs" / key / (RemoteFolder.name_of(url) or "run")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # a home that cannot be written to
            continue
        if os.access(folder, os.W_OK):
            return folder
    raise RunError(f"{hidden_address(url)}: neither the home folder nor the one for temporary files can be written to")


def _temporary() -> Path:
    """A folder of this user's alone. Raises `RunError` where another user has taken its name."""
    folder = Path(tempfile.gettempdir(), f"xoresnet-{os.getuid()}")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise RunError(f"{folder} is not a folder of this user alone; set XDG_CACHE_HOME to one that is")
    return folder


def is_copy(folder: Path) -> bool:
    """Whether a folder is the copy of a run at a URL."""
    return (folder / _URL).exists()


def shown_run(folder: Path) -> str:
    """The run as users know it: the URL of a copy, the path of any other folder."""
    try:
        return (folder / _URL).read_text(encoding="utf-8").strip()
    except OSError:
        return str(folder)


def named_run(run: str | Path) -> str:
    """A run as its user named it, for messages, commands and JSON: its path, or its URL without a password.

    >>> named_run("runs/digits/"), named_run("file:///runs/digits"), named_run("s3://key:secret@store/digits")
    ('runs/digits', 'file:///runs/digits', 's3://key:***@store/digits')
    """
    return hidden_address(str(run)) if "://" in str(run) else str(Path(run))


@contextmanager
def copied(run: str | Path) -> Iterator[Path]:
    """The folder of a run to be read: its own, or a temporary copy of what a URL holds without checkpoints and weights.

    Raises `RemoteError`.
    """
    if not is_url(run):
        yield local_path(run, "RUN")
        return
    remote = RemoteFolder(as_url(run))
    with tempfile.TemporaryDirectory(prefix="xoresnet-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch, remote.name or "run")
        folder.mkdir()
        pull(remote, folder)
        if is_leased(remote):
            (folder / BUSY).touch()
        with named_by_url(folder):
            yield folder


@contextmanager
def named_by_url(folder: Path) -> Iterator[None]:
    """Name the URL in place of its copy in the message of an error that ends the block."""
    with named_as(folder, shown_run(folder)):
        yield


@contextmanager
def named_as(folder: Path, name: str) -> Iterator[None]:
    """Write `name` in place of a folder in the message of an error that ends the block."""
    try:
        yield
    except SpecError as error:
        raise SpecError(
            Fault(fault.path.replace(str(folder), name), fault.message.replace(str(folder), name))
            for fault in error.faults
        ) from None
    except XOResNetError as error:
        error.args = tuple(each.replace(str(folder), name) if isinstance(each, str) else each for each in error.args)
        raise


def with_url(text: str, folder: Path) -> str:
    """A sentence with the URL of a copy in place of its folder."""
    return text.replace(str(folder), shown_run(folder))


def pull(remote: RemoteFolder, folder: Path, *, whole: bool = False) -> tuple[dict[str, RemoteFile], list[str]]:
    """Bring a copy up to date; returns the files at the URL, and the names of those that the copy has from there.

    What the copy has in addition, because its process died before it was uploaded, stays. Where another machine has
    continued the run meanwhile, its journal counts, and the one of the copy is set aside. whole: whether to take,
    too, what only a driver needs. Raises `RemoteError`.
    """
    found = {name: file for name, file in remote.files().items() if not name.startswith(".")}
    write_text(folder / _URL, f"{remote.shown}\n")
    if not found and (folder / UPLOADED).exists():
        _set_aside(folder)
        write_text(folder / _URL, f"{remote.shown}\n")
    wanted = [name for name in found if (_is_for_drivers if whole else _is_small)(name)]
    is_ahead, same = False, []
    for name in sorted(wanted, key=lambda name: not name.endswith(".journal")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".journal"):
            is_ahead |= _pull_journal(remote, name, target)
        elif not (is_ahead and target.exists()) and not _has_password_of(remote, name, target):
            remote.fetch(name, target)
            same.append(name)
        modified = found[name].modified
        if modified is not None and not is_ahead and target.exists():
            os.utime(target, (modified.timestamp(),) * 2)  # by which tables that are behind their journal are told
    for kind in TRAININGS:
        if any(name.startswith(f"{kind}/") for name in found):
            (folder / kind).mkdir(exist_ok=True)
    return found, same


def _is_small(name: str) -> bool:
    """Whether a file says something of the run as a whole: one in its folder, or what shared weights have told."""
    folder, _, file = name.rpartition("/")
    is_weights = file.endswith(".safetensors")
    return folder in ("", "prior") and bool(file) and not file.startswith(".") and not is_weights


def _is_for_drivers(name: str) -> bool:
    """All but the files of trainings and exports: shared weights and the files of trackers, too."""
    parts = PurePosixPath(name).parts
    return parts[0] not in (*TRAININGS, "export") and not any(part.startswith(".") for part in parts)


def _pull_journal(remote: RemoteFolder, name: str, target: Path) -> bool:
    """Take a journal from the URL; True, and nothing is changed, where the copy has all of it and more."""
    theirs = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if not remote.fetch(name, theirs):
            return target.exists()
        if target.exists():
            if _begins_with(target, theirs):
                return target.stat().st_size > theirs.stat().st_size
            if not _begins_with(theirs, target):
                target.replace(target.with_name(f"{target.name}.aside-{int(time.time())}"))
        theirs.replace(target)
    finally:
        theirs.unlink(missing_ok=True)
    return False


def _begins_with(file: Path, beginning: Path) -> bool:
    """Whether a file begins with the content of another one."""
    if file.stat().st_size < beginning.stat().st_size:
        return False
    with file.open("rb") as longer, beginning.open("rb") as shorter:
        while block := shorter.read(_BLOCK):
            if longer.read(len(block)) != block:
                return False
    return True


def _has_password_of(remote: RemoteFolder, name: str, target: Path) -> bool:
    """Whether a configuration is the one at the URL, with the password that is hidden there."""
    if name != "config.yaml" or not target.exists():
        return False
    theirs = (remote.read(name) or b"").decode("utf-8", errors="replace")
    return HIDDEN in theirs and hidden_address_in(target.read_text(encoding="utf-8", errors="replace")) == theirs


def hidden_address_in(config: str) -> str:
    """The text of a `config.yaml` with the password of its storage hidden."""
    key, lines = "storage: ", config.splitlines(keepends=True)
    return "".join(key + hidden_address(line.removeprefix(key)) if line.startswith(key) else line for line in lines)


def _set_aside(folder: Path) -> None:
    """Keep a copy whose run was deleted at the URL under another name, and begin an empty one."""
    shutil.move(folder, folder.with_name(f"{folder.name}.deleted-{time.strftime('%Y%m%d-%H%M%S')}"))
    folder.mkdir()
