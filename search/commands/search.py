"""`xoresnet search`: the meaning of its arguments."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from xoresnet.description.arch import Arch
from xoresnet.description.recipe import Recipe
from xoresnet.errors import Fault, SpecError, UsageError, XOResNetError
from xoresnet.files.places import local_path
from xoresnet.files.secrets import hidden_address
from xoresnet.files.yaml_text import read_yaml
from xoresnet.search.commands.arguments import CommandWithSettings, read_text
from xoresnet.search.commands.overrides import SHORTHANDS, Settings, merged
from xoresnet.search.commands.space import read_space
from xoresnet.search.config import FORMER, PriorSpec, SearchConfig
from xoresnet.search.folders.earlier import of_today
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.interrupts import interruption_waits
from xoresnet.search.registry import PrunerSpec
from xoresnet.space.presets import preset_names
from xoresnet.space.space_fields import Constraints

__all__ = ["search"]

_FOR_PRESET: dict[str, dict[str, Any]] = {"digits": {"data": "digits", "budget": 40, "epochs": 12}}
"""Settings that come with a preset: a trial takes seconds, so that a first search is done in minutes."""
_DATA = {"cifar": "cifar10"}
_MAY_BE_NONE = frozenset(
    name for name, field in SearchConfig.model_fields.items() if field.default is None and not field.is_required()
)
"""Fields for which an empty value in a file is a value; for others it means the default."""
_SETTINGS = Settings(
    {"config": SearchConfig.model_fields, "recipe": Recipe.model_fields},
    nested={
        "data": ("root", "validation_seed", "validation_share", "image_size", "channels", "verify"),
        "pruner": PrunerSpec.model_fields,
        "prior": PriorSpec.model_fields,
        "space.arch": Arch.model_fields,
        "space.constraints": vars(Constraints()),
    },
)


@click.command(cls=CommandWithSettings, settings=_SETTINGS)
@click.argument("name", required=False, metavar="[PRESET or FILE.yaml]")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--run", "run", metavar="DIR", help="Folder of the run.  [default: runs/NAME of the preset or file]")
@click.option("--address", metavar="ADDRESS", help="Ray cluster, auto or HOST:PORT.  [default: this machine]")
@click.option("--dry-run", is_flag=True, help="Print the configuration and a time estimate; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the resulting front as JSON.")
def search(
    name: str | None, changes: Sequence[str], run: str | None, address: str | None, dry_run: bool, as_json: bool
) -> int:
    """Search a space for networks that are accurate and spike little.

    The same command resumes a search that was interrupted.

    PRESET is a space that comes with xoresnet (see `xoresnet space`). FILE.yaml is the configuration of a search, or a
    space alone. Without either, the search in the folder --run is resumed, or the preset digits is searched.

    KEY=VALUE sets a field of the configuration (budget=100, strategy=promotion, sampler=nsga2, data=cifar100,
    space.arch.depth=14) or of the recipe (learning_rate=0.01).
    """
    if name is not None and "=" in name:
        changes, name = (name, *changes), None
    name = name or _begun_in(run) or "digits"
    label = Path(name).stem
    folder = RunFolder(local_path(run or f"runs/{label}", "--run"))
    options = {"--run": run, "--address": address}
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    shown = map(hidden_address, changes)  # the run keeps the password, which `***` then stands for
    command = shlex.join(["xoresnet", "search", name, *shown, *words])
    config = _config(name, changes, address)
    with interruption_waits():  # torch and Ray, which `--help` and wrong options do not need
        from xoresnet.search.commands.search_job import run_job, show_plan

    if dry_run:
        show_plan(config, folder, as_json=as_json)
        return 0
    return run_job(config, folder, command, as_json=as_json)


def _begun_in(run: str | None) -> str | None:
    """The configuration of the search that a folder holds."""
    file = Path(run or "", "config.yaml")
    try:
        return str(file) if run and file.exists() and RunFolder(Path(run)).saved_config() is not None else None
    except XOResNetError:  # reported when the folder is opened
        return None


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
        data = {"name": _DATA.get(name, name)}
        return {"data": data, **_FOR_PRESET.get(name, {}), "space": read_space(name, trust_code=True).to_dict()}
    if Path(name).suffix not in (".yaml", ".yml") and not Path(name).is_file():
        read_space(name, trust_code=True)  # raises an error that lists the presets
    fields = read_yaml(read_text(name), name)
    if not isinstance(fields, dict):
        raise UsageError(f"{name} is not a mapping of fields")
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
