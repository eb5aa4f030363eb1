"""`xoresnet data`: which data sets are here, and how to get the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from xoresnet.data.spec import DataSpec
from xoresnet.errors import UsageError
from xoresnet.search.commands.overrides import read_overrides
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.views.console import print_json
from xoresnet.search.views.data_bar import DecodingBar

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet, DataStatus

__all__ = ["data"]


@click.command()
@click.argument("name", required=False)
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data-root", metavar="DIR", help="Look in this folder first.")
@click.option("--download", is_flag=True, help="Fetch NAME into the first folder looked in, where it can be fetched.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def data(name: str | None, changes: Sequence[str], data_root: str | None, download: bool, as_json: bool) -> None:
    """List the data sets: which are here, where was looked, how to get the rest.

    With NAME: read that one, check it, and show what is in it; KEY=VALUE: how it is read (validation_seed=1, and for
    class folders image_size=[64,64], channels=3).
    """
    if name is not None:
        fields = read_overrides(changes, {"spec": DataSpec.model_fields})["spec"]
        spec = DataSpec.from_dict({"name": name, "root": data_root, **fields})
        with termination_raises(), DecodingBar() as progress:
            _show(spec.load(download=download, progress=progress), as_json=as_json)
        return
    if download:
        raise UsageError("--download needs the name of a data set, like: xoresnet data cifar10 --download")
    _list(data_root, as_json=as_json)


def _show(found: DataSet, *, as_json: bool) -> None:
    facts: dict[str, Any] = {
        "name": found.name,
        "place": str(found.place),
        "input_shape": list(found.input_shape),
        "classes": list(found.classes),
        "train_images": len(found.train),
        "validation_images": len(found.validation),
        "mean": list(found.mean),
        "std": list(found.std),
        "augmentation": found.augmentation._asdict(),
        "fingerprint": found.fingerprint,
    }
    if as_json:
        print_json(facts)
        return
    width = max(map(len, facts))
    for key, value in facts.items():
        click.echo(f"{key:<{width}}  {_text(value)}")


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
    from xoresnet.data.load import data_status

    found = data_status(root)
    if as_json:
        print_json([_status_fields(status) for status in found])
        return
    for status in found:
        click.echo(f"{click.style(status.name, bold=True)}: {status.summary}")
        if status.place is not None:
            click.echo(f"  here: {status.place}")
            continue
        click.echo(f"  not here; to get it: {status.how_to_get}")
        if status.looked_in:
            click.echo(f"  looked in: {', '.join(map(str, status.looked_in))}")
    click.echo("\nFolders of your own: --data-root DIR, the environment variable XORESNET_DATA, or ./data.")


def _status_fields(status: DataStatus) -> dict[str, Any]:
    place = None if status.place is None else str(status.place)
    return {**status._asdict(), "place": place, "looked_in": list(map(str, status.looked_in))}
