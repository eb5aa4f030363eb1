"""`xoresnet train`: what is meant by its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError, UsageError
from xoresnet.search.commands.arch_source import ArchSource
from xoresnet.search.commands.overrides import read_overrides
from xoresnet.search.commands.train_job import Job, run_job, show_plan
from xoresnet.search.folders.train import TrainFolder
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.views.data_bar import DecodingBar

__all__ = ["train"]

_DEVICES = ("cpu", "cuda", "mps", "xpu")


@click.command()
@click.argument("arch", metavar="ARCH")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--data", "data_name", metavar="NAME", help="See: xoresnet data.  [default: the search's, or digits]")
@click.option("--data-root", metavar="DIR", help="Look for the data in this folder first.")
@click.option("--download", is_flag=True, help="Fetch the data if they are not here.")
@click.option("--run", "run", metavar="DIR", help="Where everything is written.  [default: runs/ARCH-NAME]")
@click.option("--device", metavar="DEVICE", help="cpu, cuda, cuda:1.  [default: cuda where there is one]")
@click.option("--threads", type=click.IntRange(1), metavar="N", help="Of the CPU.  [default: by the network's size]")
@click.option("--test", is_flag=True, help="When done, open the test set and measure it, once.")
@click.option("--dry-run", is_flag=True, help="Show the network, the recipe and how long it would take; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def train(
    arch: str, changes: Sequence[str], data_name: str | None, data_root: str | None, download: bool, run: str | None,
    device: str | None, threads: int | None, test: bool, dry_run: bool, as_json: bool,
) -> int:  # fmt: skip
    """Train one network; the same command goes on where it stopped.

    ARCH: a baseline's name, like xoresnet8, an arch.json, or RUN:ID for a trial of a search, with its data and recipe.
    KEY=VALUE: a field of the network (timesteps=2, neuron.tau=1.5), of the recipe (epochs=5, learning_rate=0.01) or of
    the data set (data.validation_seed=1).
    """
    if dry_run and download:
        raise UsageError("--dry-run fetches nothing: leave out --download")
    parts = {"arch": Arch.model_fields, "recipe": Recipe.model_fields, "data": DataSpec.model_fields}
    given = read_overrides(changes, parts)
    source = ArchSource(arch, given["arch"])
    named = given["data"].get("name", data_name)
    as_searched = source.trial if source.trial is not None and named in (None, source.trial.data.name) else None
    fields = {"name": data_name or "digits"} if as_searched is None else as_searched.data.model_dump()
    if data_root is not None:
        fields["root"] = data_root
    spec = _data_spec({**fields, **given["data"]})
    recipe = (as_searched.recipe if as_searched is not None else _default_recipe(spec.name)).replace(**given["recipe"])
    options = {"--data": data_name, "--data-root": data_root, "--run": run, "--device": device, "--threads": threads}
    words = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    place = _device(device)
    with termination_raises():
        with DecodingBar() as progress:
            data = spec.load(download=download, progress=progress)
        job = Job(
            source.build(data.input_shape, data.num_classes), data, spec, recipe,
            TrainFolder(Path(run or f"runs/{source.label}-{spec.name}")),
            place, threads, shlex.join(["xoresnet", "train", arch, *changes, *words]),
        )  # fmt: skip
        if dry_run:
            show_plan(job, as_json=as_json)
            return 0
        return run_job(job, test=test, as_json=as_json)


def _data_spec(fields: Mapping[str, Any]) -> DataSpec:
    try:
        return DataSpec.from_dict(fields)
    except SpecError as error:
        raise SpecError(fault._replace(path=f"data.{fault.path}") for fault in error.faults) from None


def _default_recipe(data_name: str) -> Recipe:
    from xoresnet.data.load import find_loader

    return find_loader(data_name).recipe


def _device(name: str | None) -> str | None:
    import torch

    if name is None:
        return None
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(f"--device {name}: no device; write cpu, cuda, cuda:1 and the like") from None
    if device.type not in _DEVICES:
        raise UsageError(f"--device {name}: networks are trained on {', '.join(_DEVICES)}")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        raise UsageError(f"--device {name}: {str(error).splitlines()[0].split('. ')[0]}") from None
    return name
