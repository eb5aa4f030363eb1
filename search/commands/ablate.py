"""`xoresnet ablate`: the meaning of its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.data.spec import DataSpec
from xoresnet.description.arch import Arch, baseline_names
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.recipe import Recipe
from xoresnet.errors import NoRunError, SpecError, UsageError
from xoresnet.files.places import is_url, local_path
from xoresnet.files.run_contents import nearest_run, no_run
from xoresnet.files.yaml_text import read_yaml
from xoresnet.search.commands.arguments.arch_source import ArchSource
from xoresnet.search.commands.arguments.completing import complete_data, complete_folder, complete_network
from xoresnet.search.commands.arguments.options import (
    CommandWithSettings,
    address_option,
    client_address,
    run_through_client,
    trust_code_option,
    wait_for_nodes_option,
)
from xoresnet.search.commands.arguments.retraining_options import (
    dry_run_option,
    epochs_option,
    pick_option,
    seeds_option,
)
from xoresnet.search.commands.arguments.settings import Settings
from xoresnet.search.config import CONFIRM_LIMITS, SearchConfig
from xoresnet.search.interrupts import interruption_waits
from xoresnet.search.views.data_bar import DecodingBar

if TYPE_CHECKING:
    from xoresnet.search.ablation.folder import OneNetwork

__all__ = ["ablate"]

_LIMITS = tuple(name for name in CONFIRM_LIMITS if not name.startswith("data."))
_SETTINGS = Settings(
    {"config": _LIMITS, "arch": Arch.model_fields, "recipe": Recipe.model_fields, "data": DataSpec.model_fields},
    nested={"neuron": NeuronSpec.model_fields},
)
_OF_SEARCH = Settings({"config": SearchConfig.model_fields})


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("network", metavar="RUN|ARCH", shell_complete=complete_network)
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--fields", metavar="NAMES", help="What is changed, joined by commas.  [default: merge,xor]")
@click.option(
    "--values",
    multiple=True,
    metavar="FIELD=VALUES",
    help="The values to try for a field: timesteps=1,2,8. May be repeated.  [default: those of the space]",
)
@seeds_option(5)
@epochs_option
@pick_option("the knee of RUN")
@click.option("--front", "with_front", is_flag=True, help="Change every network of RUN's front.")
@click.option(
    "--data", "data_name", metavar="NAME", shell_complete=complete_data, help="Data set of ARCH.  [default: digits]"
)
@click.option(
    "--run",
    "place",
    metavar="DIR",
    shell_complete=complete_folder,
    help="Folder for ARCH.  [default: runs/ARCH-DATA-ablation]",
)
@address_option
@wait_for_nodes_option
@dry_run_option
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the effects as JSON.")
def ablate(
    network: str,
    changes: Sequence[str],
    fields: str | None,
    values: Sequence[str],
    seeds: int,
    epochs: int | None,
    wanted: Sequence[str],
    with_front: bool,
    data_name: str | None,
    place: str | None,
    address: str | None,
    nodes: int | None,
    dry_run: bool,
    trust_code: bool,
    as_json: bool,
) -> int:
    """Change one field of a network at a time and measure what that does, on several seeds.

    The same command resumes an ablation that was interrupted; with more seeds it trains only the new ones.

    RUN is the folder of a search, or its URL: its knee is changed, within the space of the search. ARCH is a network as
    in `xoresnet train`: the name of a baseline such as xoresnet8, the path of an arch.json, or RUN:ID.

    KEY=VALUE changes resources and limits (cpus_per_trial=2, max_concurrent=1); with ARCH also fields of
    the network, the recipe and the data set, as in `xoresnet train`.
    """
    if address is not None:
        changes = (*changes, f"address={address}")
    options = {"fields": fields, "seeds": seeds, "epochs": epochs, "data": data_name, "run": place}
    given = {**options, "wait-for-nodes": nodes}
    words = [f"--{name}={value}" for name, value in given.items() if value is not None]
    words += [f"--values={text}" for text in values] + [f"--pick={pick}" for pick in wanted]
    words += ["--front"] * with_front + ["--trust-code"] * trust_code
    command = shlex.join(["xoresnet", "ablate", network, *changes, *words])
    is_search = _is_search(network)
    parts = _read(changes, is_search=is_search)
    chosen = {
        "fields": None if fields is None else [name for name in fields.split(",") if name],
        "values": _values(values),
        "seeds": seeds,
        "epochs": epochs,
        "wanted": wanted,
        "with_front": with_front,
        "limits": parts["config"],
    }
    _check_options(
        is_search, {"--data": data_name, "--run": place}, {"--pick": wanted, "--front": with_front}, trust_code
    )
    there = client_address(parts["config"].get("address"))
    if there is not None:
        of_env = [] if "address" in parts["config"] else [f"address={there}"]
        flags = ["--dry-run"] * dry_run + ["--json"] * as_json
        where = network if is_search else place or "runs"  # a folder of this machine is refused
        return run_through_client(there, ["ablate", network, *changes, *of_env, *words, *flags], where, command)
    with interruption_waits():  # torch and Ray, which `--help` and wrong options do not need
        from xoresnet.search.commands.jobs.ablate_job import run_job, show_plan

    run, one = (network, None) if is_search else _alone(network, parts, data_name, place, trust_code=trust_code)
    if dry_run:
        show_plan(run, one, chosen, as_json=as_json)
        return 0
    return run_job(run, one, chosen, command, nodes=nodes, as_json=as_json)


def _is_search(network: str) -> bool:
    """Whether RUN is meant: a URL or a folder that is not that of a single network."""
    if is_url(network):
        return ":" not in network.rpartition("/")[2]
    path = local_path(network, "RUN")
    if path.is_dir():
        return not (path / "arch.json").exists()
    if "/" in network and ":" not in str(path) and path.suffix != ".json" and not path.exists():
        raise NoRunError(no_run(network))
    if network not in baseline_names() and not path.exists() and nearest_run(path) == Path("runs", network):
        raise NoRunError(no_run(network))
    return False


def _read(changes: Sequence[str], *, is_search: bool) -> dict[str, dict[str, Any]]:
    """The settings by part. Raises `UsageError` for those that a search has fixed."""
    accepted = f"ablate accepts only {', '.join(CONFIRM_LIMITS)} for a run"
    for text in changes:
        key, equals, value = text.partition("=")
        if is_search and equals and key == "epochs":
            raise UsageError(f"{text}: write --epochs {value} instead")
        if is_search and equals and not _SETTINGS.accepts(key) and _OF_SEARCH.accepts(key):
            raise UsageError(f"{key} is fixed by the search; {accepted}")
    parts = _SETTINGS.read(changes)
    if not is_search:
        return parts
    for part in ("arch", "recipe"):
        for name in parts[part]:
            raise UsageError(f"{name} is fixed by the search; {accepted}")
    limits = parts["config"] | ({"data": parts["data"]} if parts["data"] else {})
    return {**parts, "config": limits}


def _check_options(is_search: bool, of_arch: Mapping[str, Any], of_run: Mapping[str, Any], trust_code: bool) -> None:
    """Raises `UsageError` for options that have no effect."""
    wrong = [name for name, value in (of_arch if is_search else of_run).items() if value]
    if wrong and is_search:
        raise UsageError(f"{wrong[0]} is for a network of your own; RUN is a search, which has its data and its folder")
    if wrong:
        raise UsageError(f"{wrong[0]} chooses networks of a search; give the folder of one as RUN, or leave it out")
    if is_search and trust_code:
        raise UsageError("--trust-code is for a network of your own; a search imports the code that it names anyway")


def _values(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Values by field. Raises `UsageError`."""
    found: dict[str, list[Any]] = {}
    for text in texts:
        field, equals, options = text.partition("=")
        if not equals or not field or not options:
            raise UsageError(f"--values: {text!r} is not FIELD=VALUES; write for example merge=add,or")
        if field in found:
            raise UsageError(f"--values: {field} is given twice; join its values by commas")
        found[field] = [_value(field, option) for option in options.split(",") if option]
    return found


def _value(field: str, text: str) -> Any:
    """One value; for `merge` and `xor`, `or/or/add` is one for each stage."""
    if field in ("merge", "xor"):
        return tuple(text.split("/")) if "/" in text else text
    return read_yaml(text, f"--values {field}")


def _alone(
    name: str, parts: Mapping[str, dict[str, Any]], data_name: str | None, place: str | None, *, trust_code: bool
) -> tuple[str, OneNetwork]:
    """The folder, and the network with its data and recipe."""
    from xoresnet.data.load import find_loader
    from xoresnet.search.ablation.folder import OneNetwork

    source = ArchSource(name, parts["arch"], trust_code=trust_code)
    wanted = parts["data"].get("name", data_name)
    as_searched = source.trial if source.trial is not None and wanted in (None, source.trial.data.name) else None
    fields = {"name": data_name or "digits"} if as_searched is None else as_searched.data.model_dump()
    spec = _data_spec({**fields, **parts["data"]})
    recipe = as_searched.recipe if as_searched is not None else find_loader(spec.name).recipe
    with DecodingBar() as progress:
        data = spec.load(progress=progress)
    arch = source.build(data.input_shape, data.num_classes)
    one = OneNetwork(arch, spec, recipe.replace(**parts["recipe"]), source.label)
    return place or f"runs/{source.label}-{spec.name}-ablation", one


def _data_spec(fields: Mapping[str, Any]) -> DataSpec:
    try:
        return DataSpec.from_dict(fields)
    except SpecError as error:
        raise SpecError(fault._replace(path=f"data.{fault.path}") for fault in error.faults) from None
