"""`xoresnet doctor`: what this machine or a cluster can do, what is wrong, and the remedies."""

from __future__ import annotations

from collections.abc import Sequence

import click

from xoresnet.data.spec import DataSpec, check_data_name
from xoresnet.errors import UsageError
from xoresnet.search.commands.arguments.completing import complete_data
from xoresnet.search.commands.arguments.options import address_option
from xoresnet.search.interrupts import termination_raises
from xoresnet.search.views.checkup import print_checkup
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import say

__all__ = ["doctor"]


@click.command()
@address_option
@click.option("--run", "run", metavar="DIR or URL", help="Place of a run, which need not exist yet.")
@click.option(
    "--data",
    "names",
    metavar="NAME",
    shell_complete=complete_data,
    multiple=True,
    help="Data set to read and compare; may be repeated.",
)
@click.option("--data-root", metavar="DIR", help="Search this folder first for the data sets of --data.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as one JSON object.")
def doctor(address: str | None, run: str | None, names: Sequence[str], data_root: str | None, as_json: bool) -> int:
    """Examine this machine, or each node of a cluster, and tell what is wrong and how to mend it.

    A search with the same --address and --run would meet what is examined: versions, CPUs, GPUs, memory, shared
    memory, free disk, limits, clocks, the data set, the place of the run and the cluster's token. Data sets are read
    only with --data, or with the --run of a search; without either, those that are there are listed.

    Nothing is changed, and nothing is left behind. The exit code is 1 if anything is wrong.
    """
    if data_root is not None and not names:
        raise UsageError("--data-root needs --data, for example: xoresnet doctor --data cifar10 --data-root DIR")
    specs = [DataSpec.from_dict({"name": check_data_name(name), "root": data_root}) for name in dict.fromkeys(names)]
    with termination_raises():
        from xoresnet.search.checkup.checkup import check_up  # pyarrow, which `--help` does not need

        result = check_up(address, run, specs, begin=lambda step: say(f"{step} ...", err=True))
    if as_json:
        print_json(result.as_dict())
    else:
        print_checkup(result)
    return 1 if result.faults else 0
