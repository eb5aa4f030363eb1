"""`xoresnet train`: the meaning of its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xoresnet.data.spec import DataSpec, check_data_name
from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError, UsageError
from xoresnet.files.places import local_path
from xoresnet.limits import MOST_THREADS
from xoresnet.search.commands.arguments.arch_source import ArchSource
from xoresnet.search.commands.arguments.completing import complete_data, complete_folder, complete_network
from xoresnet.search.commands.arguments.options import CommandWithSettings, WholeNumber, trust_code_option
from xoresnet.search.commands.arguments.settings import Settings
from xoresnet.search.folders.train import TrainFolder
from xoresnet.search.interrupts import interruption_waits, termination_raises
from xoresnet.search.views.data_bar import DecodingBar

__all__ = ["train"]

_SETTINGS = Settings(
    {"arch": Arch.model_fields, "recipe": Recipe.model_fields, "data": DataSpec.model_fields},
    nested={"neuron": NeuronSpec.model_fields},
)


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("arch", metavar="ARCH", shell_complete=complete_network)
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--data",
    "data_name",
    metavar="NAME",
    shell_complete=complete_data,
    help="Data set, see `xoresnet data`.  [default: digits; for RUN:ID that of the search]",
)
@click.option(
    "--data-root", metavar="DIR", shell_complete=complete_folder, help="Search this folder first for the data set."
)
@click.option("--download", is_flag=True, help="Download what is missing or damaged of the data set.")
@click.option(
    "--run", "run", metavar="DIR", shell_complete=complete_folder, help="Folder of the run.  [default: runs/ARCH-DATA]"
)
@click.option("--device", metavar="DEVICE", help="For example cpu, cuda, cuda:1.  [default: cuda if available]")
@click.option(
    "--threads",
    type=WholeNumber(1, MOST_THREADS),
    metavar="N",
    help="CPU threads.  [default: by the network's size]",
)
@click.option("--test", is_flag=True, help="After training, measure the network on the test set, once.")
@click.option("--dry-run", is_flag=True, help="Print the network, the recipe and a time estimate; write nothing.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the summary as JSON.")
def train(
    arch: str,
    changes: Sequence[str],
    data_name: str | None,
    data_root: str | None,
    download: bool,
    run: str | None,
    device: str | None,
    threads: int | None,
    test: bool,
    dry_run: bool,
    trust_code: bool,
    as_json: bool,
) -> int:
    """Train one network.

    The same command resumes a training that was interrupted.

    ARCH is the name of a baseline such as xoresnet8, the path of an arch.json, or RUN:ID for a trial of a search, which
    brings its data set and recipe.

    KEY=VALUE sets a field of the network (timesteps=2, neuron.tau=1.5), of the recipe (epochs=5, learning_rate=0.01) or
    of the data set (data.validation_seed=1).
    """
    if dry_run and download:
        raise UsageError("--dry-run and --download exclude each other: a dry run downloads nothing")
    given = _SETTINGS.read(changes)
    if data_name is not None:
        check_data_name(data_name)
    where = None if run is None else local_path(run, "--run")  # told before anything is loaded
    source = ArchSource(arch, given["arch"], trust_code=trust_code)
    named = given["data"].get("name", data_name)
    as_searched = source.trial if source.trial is not None and named in (None, source.trial.data.name) else None
    fields = {"name": data_name or "digits"} if as_searched is None else as_searched.data.model_dump()
    if data_root is not None:
        fields["root"] = data_root
    spec = _data_spec({**fields, **given["data"]})
    with interruption_waits():  # torch, which `--help` and wrong options do not need
        from xoresnet.data.load import find_loader
        from xoresnet.search.commands.jobs.train_job import Job, checked_device, run_job, show_plan

    recipe = (as_searched.recipe if as_searched is not None else find_loader(spec.name).recipe).replace(
        **given["recipe"]
    )
    options = {"--data": data_name, "--data-root": data_root, "--run": run, "--device": device, "--threads": threads}
    words = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    words += ["--trust-code"] * trust_code
    place = checked_device(device)
    with termination_raises():
        with DecodingBar() as progress:
            data = spec.load(download=download, progress=progress)
        job = Job(
            source.build(data.input_shape, data.num_classes),
            data,
            spec,
            recipe,
            TrainFolder(where or Path(f"runs/{source.label}-{spec.name}")),
            place,
            threads,
            shlex.join(["xoresnet", "train", arch, *changes, *words]),
        )
        if dry_run:
            show_plan(job, as_json=as_json)
            return 0
        return run_job(job, test=test, as_json=as_json)


def _data_spec(fields: Mapping[str, Any]) -> DataSpec:
    try:
        return DataSpec.from_dict(fields)
    except SpecError as error:
        raise SpecError(fault._replace(path=f"data.{fault.path}") for fault in error.faults) from None
