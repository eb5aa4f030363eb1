"""`xoresnet search`: what is meant by its arguments, and what is said in the end."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.recipe import Recipe
from xoresnet.search.config import PrunerSpec, SearchConfig
from xoresnet.search.console import live_console, print_error, print_json
from xoresnet.search.errors import CommandError
from xoresnet.search.overrides import merged, read_overrides
from xoresnet.search.run_folder import RunFolder
from xoresnet.search.space_command import read_space
from xoresnet.search.train_view import duration
from xoresnet.space import preset_names
from xoresnet.yaml_text import YamlError, read_yaml

if TYPE_CHECKING:
    from xoresnet.search.run import Outcome, SearchRun

__all__ = ["search"]

_FOR_PRESET: dict[str, dict[str, Any]] = {
    # an epoch has 18 steps: after the first one or two all networks are alike
    "digits": {"data": "digits", "trials": 40, "epochs": 12, "pruner": {"min_epochs": 3}}
}
"""What else a preset means: seconds a trial, so that a first search is done in minutes."""
_DATA = {"cifar": "cifar10"}


@click.command()
@click.argument("name", required=False, default="digits", metavar="[PRESET or FILE.yaml]")
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--run", "run", metavar="DIR", help="Where everything is written.  [default: runs/PRESET]")
@click.option("--address", metavar="ADDRESS", help="Of a Ray cluster: auto, or host:port.  [default: this machine]")
@click.option("--dry-run", is_flag=True, help="Show configuration, space and an estimate of time; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the front as JSON.")
def search(
    name: str, changes: Sequence[str], run: str | None, address: str | None, dry_run: bool, as_json: bool
) -> int:
    """Search a space for networks that are accurate and spike little; the same command goes on where it stopped.

    PRESET: a space that comes along (`xoresnet space`). FILE.yaml: a configuration with a `space`, or a space alone.
    KEY=VALUE: a field of the configuration (trials=100, sampler=nsga2, pruner.ties=pass, data=cifar100) or of the
    recipe (learning_rate=0.01).
    """
    if "=" in name:
        name, changes = "digits", (name, *changes)
    label = Path(name).stem if Path(name).suffix else name
    folder = RunFolder(Path(run or f"runs/{label}"))
    options = {"--run": run, "--address": address}
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    command = shlex.join(["xoresnet", "search", name, *changes, *words])
    config = _config(name, changes, address, folder)
    if dry_run:
        _show_plan(config, folder, as_json=as_json)
        return 0
    return _search(config, folder, command, as_json=as_json)


def _config(name: str, changes: Sequence[str], address: str | None, folder: RunFolder) -> SearchConfig:
    """The configuration of the file or preset, with the user's changes on top."""
    parts = {"config": SearchConfig.model_fields, "recipe": Recipe.model_fields}
    given = read_overrides(changes, parts)
    fields = merged(_named(name), given["config"])
    fields["recipe"] = merged(fields.get("recipe", {}), given["recipe"])
    if address is not None:
        fields["address"] = address
    return SearchConfig.from_dict(fields)


def _named(name: str) -> dict[str, Any]:
    if name in preset_names():
        return {"data": _DATA.get(name, name), **_FOR_PRESET.get(name, {}), "space": read_space(name).to_dict()}
    if Path(name).suffix not in (".yaml", ".yml"):
        read_space(name)  # says which presets there are
    try:
        fields = read_yaml(Path(name).read_text(encoding="utf-8"), name)
    except (YamlError, UnicodeDecodeError) as error:
        raise CommandError(str(error), exit_code=2) from None
    if not isinstance(fields, dict):
        raise CommandError(f"{name} is no mapping of fields", exit_code=2)
    if "space" not in fields and "arch" in fields:
        fields = {"space": fields}
    fields.pop("command", None)  # the config.yaml of a run
    if isinstance(fields.get("space"), str):
        fields["space"] = read_space(fields["space"]).to_dict()
    if isinstance(fields.get("pruner"), str):
        fields["pruner"] = PrunerSpec.from_dict({"kind": fields["pruner"]}).model_dump()
    return fields


def _search(config: SearchConfig, folder: RunFolder, command: str, *, as_json: bool) -> int:
    from xoresnet.search.run import run_search
    from xoresnet.search.search_view import SearchView, front_table

    if not as_json:
        networks = config.search_space.size().networks
        click.echo(f"{networks:,} networks on {config.data.name}; {config.trials} trials into {folder.path}")
    view = SearchView(lines=not as_json)
    started: list[SearchRun] = []

    def look(run: SearchRun) -> None:
        view.look(run)

    def begin(run: SearchRun) -> None:
        started.append(run)
        view.begin(run)

    with view:
        outcome = run_search(config, folder.path, on_begin=begin, on_step=look)
    if as_json:
        print_json(_outcome_fields(outcome, config))
    elif started:
        console = live_console()
        (console if not console.stderr else _plain_console()).print(front_table(started[0].study))
    for error in outcome.errors[:3]:
        print_error(error)
    if outcome.interrupted:
        print_error(f"interrupted; everything finished is kept in {outcome.folder}; to go on: {command}")
        return 128 + outcome.interrupted
    if outcome.failed:
        print_error(f"{outcome.ended}; everything finished is kept in {outcome.folder}; to go on: {command}")
        return 1
    if not as_json:
        click.echo(f"ended: {outcome.ended}")
        click.echo(f"next: xoresnet status {outcome.folder}")
    return 0


def _plain_console() -> Any:
    from rich.console import Console

    return Console(width=200, highlight=False)


def _outcome_fields(outcome: Outcome, config: SearchConfig) -> dict[str, Any]:
    from xoresnet.search.front import front_of

    metrics = [objective.metric for objective in config.objectives]
    return {
        "run": str(outcome.folder),
        "ended": outcome.ended,
        "interrupted": bool(outcome.interrupted),
        "front": [
            {"trial_id": trial.number, "arch_id": trial.user_attrs["arch_id"],
             **dict(zip(metrics, trial.values, strict=True))}
            for trial in front_of(outcome.study)
        ],
    }  # fmt: skip


def _show_plan(config: SearchConfig, folder: RunFolder, *, as_json: bool) -> None:
    from random import Random

    import torch

    from xoresnet.search.run import full_recipe
    from xoresnet.training import estimate_epoch_seconds

    space, recipe = config.search_space, full_recipe(config)
    rng = Random(0)
    torch.set_num_threads(config.cpus_per_trial)
    data = config.data.load()
    seconds = sorted(estimate_epoch_seconds(space.sample(rng), data, recipe) for _ in range(5))[2]
    fields = config.model_dump(mode="json")
    networks = space.size().networks
    if as_json:
        print_json(
            {"run": str(folder.path), "config": fields, "networks": networks, "estimated_epoch_seconds": seconds}
        )
        return
    from xoresnet.yaml_text import write_yaml

    click.echo(write_yaml(fields))
    click.echo(f"{networks:,} networks; an epoch takes about {duration(seconds)}, a trial of {recipe.epochs} "
               f"{duration(seconds * recipe.epochs)}; {config.trials} one after the other, none pruned, "
               f"{duration(seconds * recipe.epochs * config.trials)}")  # fmt: skip
    click.echo(f"nothing was trained or written; it would go to {folder.path}")
