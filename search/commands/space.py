"""`xoresnet space`: what a space holds."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import click

from xoresnet.description.arch import Arch
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.errors import UsageError, XOResNetError, YamlError
from xoresnet.measures.metrics import compact_number
from xoresnet.search.views.console import print_json
from xoresnet.space.cells import Size
from xoresnet.space.describe import Parameter
from xoresnet.space.domain import is_constant
from xoresnet.space.presets import preset_names, preset_text
from xoresnet.space.search_space import SearchSpace

__all__ = ["read_space", "space"]


@click.command()
@click.argument("name", required=False, metavar="[PRESET or FILE]")
@click.option(
    "--sample", type=click.IntRange(0), metavar="N", help="Draw N networks and write them as arch.json files."
)
@click.option("--out", default="archs", show_default=True, metavar="DIR", help="Where --sample writes.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, metavar="N", help="Of the samples.")
@click.option("--check", metavar="ARCH.json", help="Say whether this network is in the space, and why not.")
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the space as YAML, to start a file of your own from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def space(
    name: str | None, sample: int | None, out: str, seed: int, check: str | None, as_yaml: bool, as_json: bool
) -> int:
    """Show a search space: what may vary, how many networks it has, how large they are.

    Without a name: list the presets.
    """
    asked = [
        option
        for option, given in {"--sample": sample is not None, "--check": check, "--yaml": as_yaml}.items()
        if given
    ]
    if len(asked) > 1:
        raise UsageError(f"one at a time: {', '.join(asked)}")
    if name is None:
        if sample is not None or check or as_yaml:
            raise UsageError(f"which space? name a preset ({', '.join(preset_names())}) or a file")
        _list_presets(as_json=as_json)
        return 0
    found = read_space(name)
    if as_yaml:
        preset = name in preset_names() and not Path(name).is_file()
        click.echo(preset_text(name) if preset else found.to_yaml(), nl=False)
    elif check:
        return _check(found, check, as_json=as_json)
    elif sample is not None:
        _write_samples(found, sample, Path(out), seed, as_json=as_json)
    else:
        _show(found, name, seed, as_json=as_json)
    return 0


def read_space(name: str) -> SearchSpace:
    """A preset by name, or a YAML file. Raises `UsageError`, `XOResNetError`, `SpecError`."""
    if Path(name).suffix not in (".yaml", ".yml") and not Path(name).is_file():
        return SearchSpace.preset(name)
    try:
        return SearchSpace.load(name)
    except YamlError as error:
        raise UsageError(str(error)) from None
    except UnicodeDecodeError:
        raise UsageError(f"{name} is no text") from None


def _list_presets(*, as_json: bool) -> None:
    sizes = {name: SearchSpace.preset(name).size().networks for name in preset_names()}
    if as_json:
        print_json(sizes)
        return
    for name, networks in sizes.items():
        comment = preset_text(name).splitlines()[0].removeprefix("# ")
        click.echo(f"{click.style(name, bold=True)}: {networks:,} networks\n  {comment}")
    click.echo("\nShow one: xoresnet space digits. Start your own: xoresnet space digits --yaml > mine.yaml")


def _check(found: SearchSpace, path: str, *, as_json: bool) -> int:
    faults = found.faults(Arch.load(path))
    if as_json:
        print_json({"contained": not faults, "faults": [fault._asdict() for fault in faults]})
    elif not faults:
        click.echo(f"{path} is in the space")
    else:
        click.echo(f"{path} is not in the space:")
        for fault in faults:
            click.echo(f"  {fault}")
    return 1 if faults else 0


def _write_samples(found: SearchSpace, number: int, folder: Path, seed: int, *, as_json: bool) -> None:
    drawn = _draw(found, number, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for arch in drawn:
        arch.save(folder / f"{arch.arch_id}.json")
    different = len({arch.arch_id for arch in drawn})
    if as_json:
        print_json([str(folder / f"{arch.arch_id}.json") for arch in drawn])
        return
    click.echo(f"{number} drawn, {different} different: {folder}/*.json")


def _show(found: SearchSpace, name: str, seed: int, *, as_json: bool) -> None:
    from xoresnet.space.baseline_networks import baselines

    size, parameters = found.size(), found.describe()
    samples = _draw(found, 5, seed) if size.networks else []
    known = baselines(found)
    if as_json:
        print_json({
            "space": found.to_dict(),
            "parameters": [{"name": p.name, "values": str(p.domain), "condition": p.condition} for p in parameters],
            "size": {**size._asdict(), "duplicate_share": size.duplicate_share, "excluded_share": size.excluded_share},
            "baselines": {label: arch.arch_id for label, arch in known.items()},
            "samples": [_sample_fields(arch) for arch in samples],
        })  # fmt: skip
        return
    shape = "x".join(map(str, found.input_shape))
    click.echo(f"space {name}: images {shape}, {found.num_classes} classes\n")
    _show_parameters(parameters)
    click.echo()
    _show_size(found, size)
    click.echo(f"baselines        {', '.join(known) or 'none'}")
    if samples:
        click.echo("\nsamples")
    for arch in samples:
        fields = _sample_fields(arch)
        click.echo(
            f"  {arch.arch_id}  {_sentence(arch)}: {fields['params_count']:,} parameters, "
            f"{compact_number(fields['macs'])} MACs"
        )


def _show_parameters(parameters: tuple[Parameter, ...]) -> None:
    free = [p for p in parameters if not is_constant(p.domain)]
    fixed = [p for p in parameters if is_constant(p.domain)]
    width = max((len(p.name) for p in free), default=0)
    for p in free:
        click.echo(f"{p.name:<{width}}  {p.domain}{f'  when {p.condition}' if p.condition else ''}")
    if fixed:
        click.echo(f"fixed: {', '.join(f'{p.name} {p.domain}' for p in fixed)}")


def _show_size(found: SearchSpace, size: Size) -> None:
    times = f", each with any {', '.join(size.continuous)}" if size.continuous else ""
    click.echo(f"networks         {size.networks:,} distinct within the constraints, counted exactly{times}")
    click.echo(f"descriptions     {size.descriptions:,}: {100 * size.duplicate_share:.1f} % say what another one says")
    limits = [f"{key} {value:,}" for key, value in vars(found.constraints).items() if value is not None]
    click.echo(
        f"constraints      {', '.join(limits)}: exclude {size.excluded:,} networks, {100 * size.excluded_share:.1f} %"
        if limits
        else "constraints      none"
    )
    if size.networks:
        click.echo(f"parameters       {size.params_range[0]:,} .. {size.params_range[1]:,}")
        low, high = map(compact_number, size.macs_range)
        click.echo(f"multiply-adds    {low} .. {high}, dense, over all time steps")


def _draw(found: SearchSpace, number: int, seed: int) -> list[Arch]:
    rng = Random(seed)
    try:
        return [found.sample(rng) for _ in range(number)]
    except ValueError as error:
        raise XOResNetError(str(error)) from None


def _sample_fields(arch: Arch) -> dict[str, Any]:
    return {"arch_id": arch.arch_id, "params_count": params_count(arch), "macs": dense_macs(arch),
            "arch": arch.model_dump(mode="json")}  # fmt: skip


def _sentence(arch: Arch) -> str:
    def stages(value: str | tuple[str, ...]) -> str:
        return value if isinstance(value, str) else "/".join(value)

    return (
        f"{arch.block} depth {arch.depth} width {arch.width} T={arch.timesteps} "
        f"merge {stages(arch.merge)} xor {stages(arch.xor)} {arch.neuron.kind}"
    )
