"""`xoresnet search`: the meaning of its arguments."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError, UsageError, XOResNetError
from xoresnet.files.places import is_url, local_path
from xoresnet.files.remote import RemoteFolder
from xoresnet.files.secrets import hidden_address
from xoresnet.files.yaml_text import read_yaml
from xoresnet.search.commands.arguments.completing import complete_run, complete_space
from xoresnet.search.commands.arguments.options import (
    CommandWithSettings,
    address_option,
    check_nodes,
    client_address,
    read_text,
    run_through_client,
    wait_for_nodes_option,
)
from xoresnet.search.commands.arguments.settings import SHORTHANDS, Settings, merged
from xoresnet.search.commands.space import read_space
from xoresnet.search.config import FORMER, PriorSpec, SearchConfig
from xoresnet.search.folders.earlier import of_today
from xoresnet.search.folders.mirror import named_as
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.interrupts import interruption_waits
from xoresnet.search.registry import PrunerSpec
from xoresnet.space.constraints import LIMITS
from xoresnet.space.presets import preset_names

__all__ = ["search"]

_FOR_PRESET: dict[str, dict[str, Any]] = {
    "digits": {"budget": 40, "epochs": 12, "confirm_seeds": 5},  # minutes on two cores
    "fashion-mnist-small": {"data": {"name": "fashion-mnist"}, "budget": 40, "epochs": 6},  # hours
    "cifar": {"data": {"name": "cifar10"}},
}
"""Settings that come with a preset, besides the data set of its name."""
_MAY_BE_NONE = frozenset(
    name for name, field in SearchConfig.model_fields.items() if field.default is None and not field.is_required()
)
"""Fields for which an empty value in a file is a value; for others it means the default."""
_SETTINGS = Settings(
    {"config": SearchConfig.model_fields, "recipe": Recipe.model_fields},
    nested={
        "data": (
            "root",
            "validation_seed",
            "validation_share",
            "train_share",
            "image_size",
            "channels",
            "frames",
            "verify",
        ),
        "pruner": PrunerSpec.model_fields,
        "prior": PriorSpec.model_fields,
        "space.arch": Arch.model_fields,
        "space.constraints": (*LIMITS, "hardware"),
    },
)


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("name", required=False, metavar="[PRESET or FILE.yaml]", shell_complete=complete_space)
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--run", "run", metavar="DIR", shell_complete=complete_run, help="Folder or URL of the run.  [default: runs/NAME]"
)
@address_option
@wait_for_nodes_option
@click.option("--dry-run", is_flag=True, help="Print the configuration and a time estimate; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the resulting front as JSON.")
def search(
    name: str | None,
    changes: Sequence[str],
    run: str | None,
    address: str | None,
    nodes: int | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Search a space for networks that are accurate and spike little.

    The same command resumes a search that was interrupted.

    PRESET is a space that comes with xoresnet (see `xoresnet space`). FILE.yaml is the configuration of a search, or a
    space alone. Without either, the search in --run is resumed, or the preset digits is searched.

    KEY=VALUE sets a field of the configuration (budget=100, strategy=promotion, sampler=nsga2, data=cifar100,
    space.arch.depth=14) or of the recipe (learning_rate=0.01).
    """
    if name is not None and "=" in name:
        changes, name = (name, *changes), None
    given = name
    with _begun_in(run) if name is None else nullcontext() as begun:
        name = name or begun or "digits"
        config = _config(name, changes, address)
    check_nodes(nodes, config.address)
    place = run or f"runs/{Path(name).stem}"
    there = client_address(config.address)
    options = {"--run": run, "--address": there or address, "--wait-for-nodes": nodes}
    words = [word for option, value in options.items() if value is not None for word in (option, str(value))]
    shown = map(hidden_address, changes)  # the run keeps the password, which `***` then stands for
    # a run on another machine has its own configuration
    named = [name] if given is not None or (there is None and not (begun and is_url(place))) else []
    command = shlex.join(["xoresnet", "search", *named, *shown, *words])
    if there is not None:
        flags = ["--dry-run"] * dry_run + ["--json"] * as_json
        return run_through_client(there, ["search", *named, *changes, *words, *flags], place, command)
    place = place if is_url(place) else str(local_path(place, "--run").absolute())
    with interruption_waits():  # torch and Ray, which `--help` and wrong options do not need
        from xoresnet.search.commands.jobs.search_job import run_job, show_plan

    if dry_run:
        show_plan(config, place, as_json=as_json)
        return 0
    return run_job(config, place, command, nodes=nodes, as_json=as_json)


@contextmanager
def _begun_in(run: str | None) -> Iterator[str | None]:
    """The file with the configuration of the search that a folder or a URL holds; None if there is none."""
    if not run:
        yield None
        return
    with _configuration_of(run) as folder:
        file = folder / "config.yaml"
        try:
            is_search = file.exists() and RunFolder(folder).saved_config() is not None
        except XOResNetError:  # reported when the folder is opened
            is_search = False
        yield str(file) if is_search else None


@contextmanager
def _configuration_of(run: str) -> Iterator[Path]:
    """The folder of a run, or one with the configuration of a run at a URL alone."""
    if not is_url(run):
        yield local_path(run, "--run")
        return
    remote = RemoteFolder(run)
    with tempfile.TemporaryDirectory(prefix="xoresnet-", ignore_cleanup_errors=True) as scratch:
        remote.fetch("config.yaml", Path(scratch, "config.yaml"))
        with named_as(Path(scratch), remote.shown):
            yield Path(scratch)


def _config(name: str, changes: Sequence[str], address: str | None) -> SearchConfig:
    """The configuration of the file or preset, with the user's changes on top."""
    keys = [text.partition("=")[0] for text in changes]
    former = [Fault(key, FORMER[key]) for key in keys if key in FORMER]
    if former:
        raise SpecError(former)
    given = _SETTINGS.read(changes)
    fields = merged(_named(name), given["config"])
    if given["recipe"]:
        of_file = fields.get("recipe") or {}
        if not isinstance(of_file, Mapping):
            raise UsageError(f"recipe: must be a mapping of fields, got {of_file!r}")
        fields["recipe"] = merged(of_file, given["recipe"])
    if address is not None:
        fields["address"] = address
    try:
        return SearchConfig.from_dict(fields)
    except SpecError as error:
        if not Path(name).is_file():
            raise
        prefixes = (*keys, *(f"recipe.{key}" for key in keys))
        raise SpecError(
            fault
            if any(f"{fault.path}.".startswith(f"{key}.") for key in prefixes)
            else fault._replace(path=f"{name}: {fault.path}")
            for fault in error.faults
        ) from None


def _named(name: str) -> dict[str, Any]:
    """The fields of a preset or a file."""
    if name in preset_names():
        space = read_space(name, trust_code=True).to_dict()
        return {"data": {"name": name}, **_FOR_PRESET.get(name, {}), "space": space}
    if Path(name).suffix not in (".yaml", ".yml") and not Path(name).is_file():
        read_space(name, trust_code=True)  # raises an error that lists the presets
    fields = read_yaml(read_text(name), name)
    if not isinstance(fields, dict):
        what = "is empty" if fields is None else "is not a mapping of fields"
        raise UsageError(f"{name} {what}; `xoresnet search digits --dry-run` prints an example of a configuration")
    if "space" not in fields and "arch" in fields:
        fields = {"space": fields}
    if fields.pop("command", None) is not None:  # the config.yaml of a run, whose id and study are its own
        fields = of_today(fields)
        fields.pop("run_id", None)
        fields.pop("study", None)
    if isinstance(fields.get("space"), str):  # so that space.arch.depth=... is added to it
        fields["space"] = read_space(fields["space"], trust_code=True).to_dict()
    given = {key: value for key, value in fields.items() if value is not None or key in _MAY_BE_NONE}
    for key, word in SHORTHANDS.items():
        if isinstance(given.get(key), str):
            given[key] = {word: given[key]}  # so that data.root=... is added to it
    return given
