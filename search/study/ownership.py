"""To which run a study in a database belongs: several runs may use one database, and each has its own study there."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from optuna.study import Study

from xoresnet.errors import RunError
from xoresnet.files.places import is_url
from xoresnet.search.folders.mirror import shown_run
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.study.attributes import OWNER
from xoresnet.search.study.trials import trials_of

__all__ = ["check_owner", "may_be_forgotten", "take_ownership"]

_REMEDY = "choose another name with study="


def take_ownership(study: Study, folder: Path, place: str, changes: Sequence[str]) -> None:
    """Record that a study belongs to the run in this folder. Raises `RunError` if it belongs to another run.

    A run keeps its study when its folder is moved; a copy of the folder may be read, but not search on. place: where
    the study is, as it may be shown. changes: how the search that began the study differs, for the message.
    """
    run_id = RunFolder(folder).run_id()
    if run_id is None:
        return
    check_owner(study, folder, place, changes)
    owner: Mapping[str, str] = study.user_attrs.get(OWNER, {})
    if not owner and study.get_trials(deepcopy=False) and not (folder / "trials").exists():
        what = f"the study {study.study_name!r} in {place} has trials of an earlier run, not of the run in {folder}"
        raise RunError(f"{what}; {_REMEDY}")
    elsewhere = owner.get("folder")
    here = shown_run(folder)
    is_folder = elsewhere is not None and not is_url(str(elsewhere))
    if is_folder and elsewhere != here and RunFolder(Path(str(elsewhere))).run_id() == run_id:
        what = f"the study {study.study_name!r} in {place} belongs to the run in {elsewhere}"
        raise RunError(f"{what}, of which {folder} is a copy; continue the search there")
    mine = {"id": run_id, "folder": here, "host": socket.gethostname()}
    if owner != mine:
        study.set_user_attr(OWNER, mine)
        check_owner(study, folder, place, changes)  # again: another run may have begun at the same moment


def may_be_forgotten(study: Study, folder: Path) -> bool:
    """Whether a study belongs to the run in this folder, and no trial of it has begun."""
    owner: Mapping[str, str] = study.user_attrs.get(OWNER, {})
    is_its_own = bool(owner) and owner["id"] == RunFolder(folder).run_id()
    return is_its_own and all(trial.is_waiting for trial in trials_of(study))


def check_owner(study: Study, folder: Path, place: str, changes: Sequence[str] = ()) -> None:
    """Raises `RunError`, which names both folders, if a study belongs to another run than the one in this folder."""
    owner: Mapping[str, str] = study.user_attrs.get(OWNER, {})
    run_id = RunFolder(folder).run_id()
    if not owner or run_id is None or owner["id"] == run_id:
        return
    host = "" if owner["host"] == socket.gethostname() else f" on {owner['host']}"
    what = f"the study {study.study_name!r} in {place} belongs to the run in {owner['folder']}{host}"
    differ = f" ({'; '.join(changes)})" if changes else ""
    raise RunError(f"{what}, not to the one in {folder}{differ}; {_REMEDY}")
