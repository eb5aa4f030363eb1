"""A run to be searched or confirmed, wherever it is: in a folder, or at a URL of which this machine has a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from xoresnet.files.places import as_url, is_url, local_path
from xoresnet.files.remote import RemoteFolder
from xoresnet.search.folders.claim import claimed
from xoresnet.search.folders.lease import Lease
from xoresnet.search.folders.mirror import mirror_folder, named_as, named_by_url, pull
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.folders.uploads import Uploads

__all__ = ["writable_run"]


@contextmanager
def writable_run(run: str | Path, on_wait: Callable[[str], None] = lambda sentence: None) -> Iterator[RunFolder]:
    """The folder of a run, in which this process may work until the block ends; for a URL, its copy on this machine.

    Nothing is uploaded before `Uploads.begin`. Raises `RunError` where another driver works at the URL, and
    `RemoteError` where it cannot be read or written. on_wait: called with a sentence before a long wait.
    """
    if not is_url(run):
        yield RunFolder(local_path(run, "RUN"))
        return
    url = as_url(run)
    remote, path = RemoteFolder(url), mirror_folder(url)
    with _alone(path.parent, remote):
        lease = Lease(remote)
        lease.take(on_wait)
        try:
            files, same = pull(remote, path, whole=True)
            uploads = Uploads(remote, path, same, lambda: lease.holds)
            try:
                with named_by_url(path):
                    yield RunFolder(path, uploads, lease, files)
            finally:
                uploads.stop()
        finally:
            lease.release()


@contextmanager
def _alone(folder: Path, remote: RemoteFolder) -> Iterator[None]:
    """Lock the place of a copy. Raises `RunError`, which names the URL, where another process works."""
    with named_as(folder, remote.shown), claimed(folder):
        yield
