"""`xoresnet search`: what is meant by its arguments, and what is said in the end."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.description.recipe import Recipe
from xoresnet.errors import UsageError, YamlError
from xoresnet.files.yaml_text import read_yaml, write_yaml
from xoresnet.measures.metrics import duration
from xoresnet.search.commands.overrides import HEADS, merged, read_overrides
from xoresnet.search.commands.space import read_space
from xoresnet.search.config import SearchConfig
from xoresnet.search.folders.run import RunFolder
from xoresnet.search.views.console import live_console, print_json
from xoresnet.search.views.messages import print_error
from xoresnet.space.presets import preset_names

if TYPE_CHECKING:
    from xoresnet.search.execution.execute import Outcome
    from xoresnet.search.run import SearchRun

__all__ = ["search"]

_FOR_PRESET: dict[str, dict[str, Any]] = {
    # an epoch has 18 steps: after the first one or two all networks are alike
    "digits": {"data": "digits", "trials": 40, "epochs": 12, "pruner": {"min_epochs": 3}}
}
"""What else a preset means: seconds a trial, so that a first search is done in minutes."""
_DATA = {"cifar": "cifar10"}
_MAY_BE_NONE = frozenset(
    name for name, field in SearchConfig.model_fields.items() if field.default is None and not field.is_required()
)
"""Fields that may be left empty in a file; of others that means the default."""


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
    label = Path(name).stem
    folder = RunFolder(Path(run or f"runs/{label}"))
    options = {"--run": run, "--address": address}
    words = [word for option, value in options.items() if value is not None for word in (option, value)]
    command = shlex.join(["xoresnet", "search", name, *changes, *words])
    config = _config(name, changes, address)
    if dry_run:
        _show_plan(config, folder, as_json=as_json)
        return 0
    return _search(config, folder, command, as_json=as_json)


def _config(name: str, changes: Sequence[str], address: str | None) -> SearchConfig:
    """The configuration of the file or preset, with the user's changes on top."""
    parts = {"config": SearchConfig.model_fields, "recipe": Recipe.model_fields}
    given = read_overrides(changes, parts)
    fields = merged(_named(name), given["config"])
    if given["recipe"]:
        of_file = fields.get("recipe") or {}
        if not isinstance(of_file, Mapping):
            raise UsageError(f"recipe: must be a mapping of fields, got {of_file!r}")
        fields["recipe"] = merged(of_file, given["recipe"])
    if address is not None:
        fields["address"] = address
    return SearchConfig.from_dict(fields)


def _named(name: str) -> dict[str, Any]:
    if name in preset_names():
        data = {"name": _DATA.get(name, name)}
        return {"data": data, **_FOR_PRESET.get(name, {}), "space": read_space(name).to_dict()}
    if Path(name).suffix not in (".yaml", ".yml") and not Path(name).is_file():
        read_space(name)  # says which presets there are
    try:
        fields = read_yaml(Path(name).read_text(encoding="utf-8"), name)
    except YamlError as error:
        raise UsageError(str(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{name} cannot be read: {error}") from None
    if not isinstance(fields, dict):
        raise UsageError(f"{name} is no mapping of fields")
    if "space" not in fields and "arch" in fields:
        fields = {"space": fields}
    if fields.pop("command", None) is not None:  # the config.yaml of a run, whose study is its own
        fields.pop("study", None)
    if isinstance(fields.get("space"), str):  # so that space.arch.depth=... is added to it
        fields["space"] = read_space(fields["space"]).to_dict()
    given = {key: value for key, value in fields.items() if value is not None or key in _MAY_BE_NONE}
    for key, word in HEADS.items():
        if isinstance(given.get(key), str):
            given[key] = {word: given[key]}  # so that data.root=... is added to it
    return given


def _search(config: SearchConfig, folder: RunFolder, command: str, *, as_json: bool) -> int:
    from xoresnet.search.run import run_search
    from xoresnet.search.views.data_bar import DecodingBar
    from xoresnet.search.views.search import SearchView, front_table

    view = SearchView(lines=not as_json)
    started: list[SearchRun] = []

    def begin(run: SearchRun) -> None:
        started.append(run)
        if not as_json:
            networks = run.space.size().networks
            click.echo(f"{networks:,} networks on {config.data.name}; {config.trials} trials into {folder.path}")
            if run.bridge.finished:
                click.echo(f"going on: {run.bridge.finished} of them are finished")
        _say_if_fitted(config, run.config)
        view.begin(run)

    with DecodingBar() as progress, view:
        outcome = run_search(config, folder.path, on_begin=begin, on_step=view.look, progress=progress)
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
        click.echo(f"next: xoresnet report {outcome.folder}; xoresnet export {outcome.folder}")
    return 0


def _say_if_fitted(asked: SearchConfig, resolved: SearchConfig) -> None:
    """A space of one's own may have been meant for other images than the data's."""
    before, now = asked.search_space, resolved.search_space
    facts = [(list(space.input_shape), space.num_classes) for space in (before, now)]
    if facts[0] != facts[1]:
        (images, classes), (fitted, theirs) = facts
        what = f"the space says images {images} of {classes} classes; {asked.data.name} has {fitted} of {theirs}"
        click.echo(f"note: {what}, and is what is searched (data=... names another)", err=True)


def _plain_console() -> Any:
    from rich.console import Console

    return Console(width=200, highlight=False)


def _outcome_fields(outcome: Outcome, config: SearchConfig) -> dict[str, Any]:
    from xoresnet.search.study.front import front_of

    metrics = [objective.metric for objective in config.objectives]
    return {
        "run": str(outcome.folder),
        "ended": outcome.ended,
        "interrupted": bool(outcome.interrupted),
        "front": [
            {"trial_id": trial.number, "arch_id": trial.arch_id,
             **dict(zip(metrics, trial.values, strict=True))}
            for trial in front_of(outcome.study)
        ],
    }  # fmt: skip


def _show_plan(config: SearchConfig, folder: RunFolder, *, as_json: bool) -> None:
    from random import Random

    import torch

    from xoresnet.search.prepare import plan_search
    from xoresnet.search.prior.cost import check_prior, prior_cost
    from xoresnet.search.study.opening import has_begun
    from xoresnet.search.views.data_bar import DecodingBar
    from xoresnet.training.fit import estimate_epoch_seconds

    begun = has_begun(folder)
    with DecodingBar() as progress:
        plan = plan_search(config, begun=begun, progress=progress)
    cost = prior_cost(plan) if begun else check_prior(plan)
    fields = folder.check(plan.config).model_dump(mode="json")
    rng = Random(0)
    torch.set_num_threads(config.cpus_per_trial)
    seconds = sorted(estimate_epoch_seconds(plan.space.sample(rng), plan.data, plan.recipe) for _ in range(5))[2]
    networks = plan.space.size().networks
    if as_json:
        print_json(
            {
                "run": str(folder.path), "config": fields, "networks": networks, "estimated_epoch_seconds": seconds,
                "prior_epochs": cost.epochs,
            }
        )  # fmt: skip
        return
    epochs = plan.recipe.epochs
    _say_if_fitted(config, plan.config)
    click.echo(write_yaml(fields))
    click.echo(f"{networks:,} networks; an epoch takes about {duration(seconds)}, a trial of {epochs} "
               f"{duration(seconds * epochs)}; {config.trials} one after the other, none pruned, "
               f"{duration(seconds * epochs * config.trials)}")  # fmt: skip
    if cost.epochs:
        click.echo(f"of these, {cost.trials} to pay for shared weights, which cost as much as {cost.epochs} epochs")
    click.echo(f"nothing was trained or written; it would go to {folder.path}")
