"""Whether a study goes on with the images with which it began."""

from __future__ import annotations

from optuna.study import Study

from xoresnet.data.load import DataSet
from xoresnet.errors import RunError
from xoresnet.plain_text import shown
from xoresnet.search.study.attributes import DATA

__all__ = ["check_same_data", "note_data"]


def check_same_data(study: Study, data: DataSet) -> None:
    """Raise `RunError` if the study began with other images, classes or splits; older studies do not tell."""
    known = study.user_attrs.get(DATA)
    if known is not None and known != data.fingerprint:
        change = f"they had the fingerprint {shown(known)}, and now {shown(data.fingerprint)}"
        remedy = "restore them, or search in another run folder"
        raise RunError(f"the {data.noun} of {data.name} have changed since this run began: {change}; {remedy}")


def note_data(study: Study, data: DataSet) -> None:
    """Check as `check_same_data`, and note the images of a study that does not tell."""
    check_same_data(study, data)
    if study.user_attrs.get(DATA) is None:
        study.set_user_attr(DATA, data.fingerprint)
