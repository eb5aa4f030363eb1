"""`xoresnet data`: which data sets are on this machine, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from xoresnet.data.spec import DataSpec, check_data_name
from xoresnet.errors import UsageError
from xoresnet.search.commands.arguments.completing import complete_data, complete_folder
from xoresnet.search.commands.arguments.options import CommandWithSettings
from xoresnet.search.commands.arguments.settings import Settings
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.views.console import print_json
from xoresnet.search.views.data_bar import DecodingBar
from xoresnet.search.views.messages import print_note, say

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet, DataStatus

__all__ = ["data"]

_SETTINGS = Settings({"spec": DataSpec.model_fields})


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("name", required=False, metavar="[NAME]", shell_complete=complete_data)
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data-root", metavar="DIR", shell_complete=complete_folder, help="Search this folder first.")
@click.option("--download", is_flag=True, help="Download what of NAME is missing or damaged.")
@click.option("--json", "as_json", is_flag=True, help="Print the list, or the description of NAME, as JSON.")
def data(name: str | None, changes: Sequence[str], data_root: str | None, download: bool, as_json: bool) -> None:
    """List the data sets, or describe, check or download one.

    The list shows where each data set was found, or how to get it. With NAME, that data set is read, checked and
    described.

    KEY=VALUE sets how it is read: validation_seed=1; for class folders also image_size=[64,64] and channels=3,
    for recordings of event cameras image_size and frames=time.
    """
    if name is not None:
        check_data_name(name)
        fields = _SETTINGS.read(changes)["spec"]
        spec = DataSpec.from_dict({"name": name, "root": data_root, **fields})
        with termination_raises(), DecodingBar() as progress:
            _show(spec.load(download=download, progress=progress), spec, as_json=as_json)
        return
    if download:
        raise UsageError("--download needs the name of a data set, for example: xoresnet data cifar10 --download")
    _list(data_root, as_json=as_json)


def _show(dataset: DataSet, spec: DataSpec, *, as_json: bool) -> None:
    # torch, which `--help` and wrong options do not need
    from xoresnet.search.views.data_notes import data_notes, files_left_out

    test = dataset.test.open(by="data")  # all of them are read, so that no search meets a damaged one
    facts: dict[str, Any] = {
        "name": dataset.name,
        "place": str(dataset.place),
        "input_shape": list(dataset.input_shape),
        "classes": list(dataset.classes),
        f"train_{dataset.noun}": len(dataset.train),
        f"validation_{dataset.noun}": len(dataset.validation),
        f"test_{dataset.noun}": len(test),
        **({} if dataset.frames is None else {"frames": dataset.frames, "sensor": list(dataset.sensor or ())}),
        "mean": list(dataset.mean),
        "std": list(dataset.std),
        "augmentation": {**dataset.augmentation._asdict(), **_of_events(dataset)},
        "fingerprint": dataset.fingerprint,
    }
    for note in data_notes(dataset, spec, key="channels", test=test):
        print_note(note)
    if as_json:
        converted = dataset.train.converted + test.converted
        print_json({**facts, "converted_images": converted, "files_left_out": dict(files_left_out(dataset, test))})
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        say(f"{key:<{width}}  {_text(value)}")


def _of_events(dataset: DataSet) -> dict[str, Any]:
    return {} if dataset.frames is None else dataset.event_augmentation._asdict()


def _text(value: Any) -> str:
    match value:
        case dict():
            return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
        case list():
            return ", ".join(map(_text, value))
        case float():
            return f"{value:.4f}"
        case int() if not isinstance(value, bool):
            return f"{value:,}"
        case _:
            return str(value)


def _list(root: str | None, *, as_json: bool) -> None:
    from xoresnet.data.load import data_status  # torch, which `--help` and wrong options do not need

    statuses = data_status(root)
    if as_json:
        print_json([_status_fields(status) for status in statuses])
        return
    for status in statuses:
        say(f": {status.summary}", heading=status.name)
        if status.place is not None:
            say(f"  found in {status.place}")
            continue
        say(f"  not found; to get it: {status.how_to_get}")
        if status.looked_in:
            say(f"  searched: {', '.join(map(str, status.looked_in))}")
    say("\nTo search other folders: --data-root DIR, the environment variable XORESNET_DATA, or ./data.")


def _status_fields(status: DataStatus) -> dict[str, Any]:
    place = None if status.place is None else str(status.place)
    return {**status._asdict(), "place": place, "looked_in": list(map(str, status.looked_in))}
