"""`xoresnet export`: a network of a search as a standalone model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.search.console import count, percent, print_json
from xoresnet.search.errors import CommandError
from xoresnet.search.front_command import read_run
from xoresnet.search.pick import PICKS, pick

if TYPE_CHECKING:
    from xoresnet.exporting import Exported

__all__ = ["export"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--pick", "wanted", default="knee", show_default=True, metavar="WHICH", help=f"{PICKS}.")
@click.option("--to", "formats", default="safetensors", show_default=True, metavar="FORMATS",
              help="safetensors, pt2, onnx, with commas between; the first always comes along.")  # fmt: skip
@click.option("--output", metavar="DIR", help="Where it is written.  [default: RUN/export/TRIAL-ARCH_ID]")
@click.option("--spikes", is_flag=True, help="Let single files return the spikes that each image cost, too.")
@click.option("--fold", is_flag=True, help="Fold batch norms into convolutions in single files.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(run: str, wanted: str, formats: str, output: str | None, spikes: bool, fold: bool, as_json: bool) -> None:
    """Write a network of a search as a standalone model, compared with the network before it counts as done.

    RUN is the folder of a search, or of a training (`xoresnet train`).
    """
    from xoresnet.exporting import ExportError
    from xoresnet.exporting import export as write
    from xoresnet.model import ModelError, load_model

    source, origin = _source(run, wanted)
    try:
        model = load_model(source)
        assert model.config is not None
        config = model.config.replace(origin=origin)
        folder = Path(output) if output else Path(run) / "export" / source.name
        done = write(model.net, config, folder, _formats(formats), spikes=spikes, fold=fold)
    except (ModelError, ExportError, ImportError) as error:
        raise CommandError(str(error)) from None
    if as_json:
        print_json({"origin": origin, "arch_id": config.arch.arch_id, "written": [_fields(one) for one in done]})
        return
    figures = config.figures
    click.echo(f"{origin}: accuracy {percent(figures['val_accuracy'])}, {count(figures['spikes_per_sample'])} spikes")
    for one in done:
        same = f"does what the network does on {one.decided} of {one.images} images (logits: {one.logits_error:.1g})"
        rest = "" if one.decided == one.images else "; on the others rounding decides whether some neuron fires"
        click.echo(f"{one.path} {same}{rest}")
    click.echo(f"next: python -c \"from xoresnet import load_model; print(load_model('{folder}'))\"")


def _source(run: str, wanted: str) -> tuple[Path, str]:
    """The folder that holds the weights, and what to call it."""
    from xoresnet.model import CONFIG, find_model

    if (Path(run) / CONFIG).exists():  # a training
        return Path(run), Path(run).name
    found = read_run(run)
    trial = int(pick(found, wanted)["trial_id"])
    return find_model(f"{run}:{trial}"), f"{found.name}:{trial}"


def _formats(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _fields(one: Exported) -> dict[str, Any]:
    return {**one._asdict(), "path": str(one.path)}
