"""`xoresnet space`: the parameters, the size and the networks of a search space."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import click

from xoresnet.description.arch import Arch
from xoresnet.description.hardware import hardware_layers, hardware_usage
from xoresnet.description.layer_table import dense_macs, params_count
from xoresnet.description.schema import nearest
from xoresnet.description.user_code import names_only
from xoresnet.errors import SpecError, UsageError
from xoresnet.files.places import local_path
from xoresnet.files.yaml_text import read_yaml
from xoresnet.limits import MOST_SAMPLES
from xoresnet.measures.metrics import compact_number
from xoresnet.plain_text import shown
from xoresnet.search.commands.arguments.completing import complete_space
from xoresnet.search.commands.arguments.options import WholeNumber, existing_file, read_text, trust_code_option
from xoresnet.search.config import FORMER, SearchConfig
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import say
from xoresnet.search.views.words import counted, describe_arch, describe_usage
from xoresnet.space.baseline_networks import baselines
from xoresnet.space.cells import Size
from xoresnet.space.describe import Parameter
from xoresnet.space.domain import is_constant
from xoresnet.space.presets import preset_names, preset_text
from xoresnet.space.search_space import SearchSpace

__all__ = ["read_space", "space"]

_OF_A_SPACE = ("arch", "constraints")
"""Parts of a space that are no fields of a search."""


@click.command()
@click.argument("name", required=False, metavar="[PRESET or FILE.yaml]", shell_complete=complete_space)
@click.option(
    "--sample",
    type=WholeNumber(0, MOST_SAMPLES),
    metavar="N",
    help="Draw N random networks and write them as JSON files.",
)
@click.option("--out", metavar="DIR", help="The folder that --sample writes to.  [default: archs]")
@click.option("--seed", type=WholeNumber(0), default=0, show_default=True, metavar="N", help="Seed of the samples.")
@click.option("--check", metavar="ARCH.json", help="Tell whether this network is in the space, and if not, why.")
@trust_code_option
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the space as YAML, as a start for a space of your own.")
@click.option("--json", "as_json", is_flag=True, help="Print the description as JSON.")
def space(
    name: str | None,
    sample: int | None,
    out: str | None,
    seed: int,
    check: str | None,
    trust_code: bool,
    as_yaml: bool,
    as_json: bool,
) -> int:
    """Describe a search space: its parameters, its size and sample networks.

    Without a name, list the presets.
    """
    given = {"--sample": sample is not None, "--check": check, "--yaml": as_yaml}
    asked = [option for option, is_given in given.items() if is_given]
    if len(asked) > 1:
        raise UsageError(f"{' and '.join(asked)} exclude each other")
    if out is not None and sample is None:
        raise UsageError("--out has no effect without --sample N")
    if name is None:
        if asked:
            raise UsageError(f"{asked[0]} needs a space: name a preset ({', '.join(preset_names())}) or a file")
        _list_presets(as_json=as_json)
        return 0
    with names_only(name, trust_code=trust_code):
        described = read_space(name, trust_code=trust_code)
        if check:
            return _check(described, Arch.load(existing_file(check), trust_code=trust_code), check, as_json=as_json)
        if as_yaml:
            preset = name in preset_names() and not Path(name).is_file()
            say(preset_text(name) if preset else described.to_yaml(), newline=False)
        elif sample is not None:
            _write_samples(described, sample, local_path(out or "archs", "--out"), seed, as_json=as_json)
        else:
            _show(described, name, seed, as_json=as_json)
    return 0


def read_space(name: str, *, trust_code: bool) -> SearchSpace:
    """A preset by its name, or the space in a YAML file: of a space, or of a search, for the images of its data.

    trust_code: whether to import what the file names by dotted path. Raises `UsageError`, `SpecError`,
    `UntrustedCodeError`.
    """
    if Path(name).is_file():
        fields = read_yaml(read_text(name), name)
        if _is_search(fields):
            return _space_of_search(fields, name, trust_code=trust_code)
    return _plain_space(name, trust_code=trust_code)


def _is_search(fields: Any) -> bool:
    return isinstance(fields, dict) and "space" in fields and "arch" not in fields


def _space_of_search(fields: Mapping[str, Any], name: str, *, trust_code: bool) -> SearchSpace:
    unknown = [key for key in fields if key not in SearchConfig.model_fields and key not in FORMER]
    if unknown:
        belongs = "; it belongs to the space: write it under 'space:'" if unknown[0] in _OF_A_SPACE else ""
        guess = belongs or nearest(unknown[0], SearchConfig.model_fields)
        raise UsageError(f"{name}: unknown field {shown(unknown[0])}{guess}")
    inner = fields["space"]
    plain = _plain_space(inner, trust_code=trust_code).to_dict() if isinstance(inner, str) else inner
    given = {"space": plain, "data": fields.get("data")}
    try:
        config = SearchConfig.from_dict({key: value for key, value in given.items() if value is not None})
    except SpecError as error:
        raise SpecError(fault._replace(message=f"{fault.message} (in {name})") for fault in error.faults) from None
    # torch, which spaces by themselves do not need
    from xoresnet.data.load import find_loader

    data, space = find_loader(config.data.name), config.search_space
    known = {"input_shape": data.image_shape, "num_classes": data.num_classes}
    missing = [key for key, value in known.items() if value is None and key not in config.space["arch"]]
    if missing:
        paths = " and ".join(f"arch.{key}" for key in missing)
        raise UsageError(f"{name}: add {paths} to its space, because {data.name} may hold any images")
    return space.for_images(data.image_shape or space.input_shape, data.num_classes or space.num_classes)


def _plain_space(name: str, *, trust_code: bool) -> SearchSpace:
    """A preset by its name, or a space from a YAML file."""
    if Path(name).suffix not in (".yaml", ".yml") and not Path(name).is_file():
        file = next((f"{name}{ending}" for ending in (".yaml", ".yml") if Path(f"{name}{ending}").is_file()), None)
        if file is not None and name not in preset_names():
            raise UsageError(f"unknown preset {shown(name)}; did you mean the file {file}?")
        return SearchSpace.preset(name)
    text = read_text(name)
    try:
        return SearchSpace.load(name, trust_code=trust_code)
    except SpecError:
        if _is_search(read_yaml(text, name)):
            raise UsageError(
                f"{name} is the configuration of a search, not a space; its space is under the key 'space'"
            ) from None
        raise


def _list_presets(*, as_json: bool) -> None:
    sizes = {name: SearchSpace.preset(name).size().networks for name in preset_names()}
    if as_json:
        print_json(sizes)
        return
    for name, networks in sizes.items():
        comment = preset_text(name).splitlines()[0].removeprefix("# ")
        say(f": {networks:,} networks\n  {comment}", heading=name)
    say("\nTo describe one: xoresnet space digits\nTo start your own: xoresnet space digits --yaml > mine.yaml")


def _check(described: SearchSpace, arch: Arch, path: str, *, as_json: bool) -> int:
    faults, usage = described.faults(arch), hardware_usage(hardware_layers(arch))
    if as_json:
        print_json(
            {
                "contained": not faults,
                "faults": [fault._asdict() for fault in faults],
                "hardware_usage": {**usage._asdict(), "activation_memory": usage.activation_memory},
            }
        )
    else:
        say(f"{path} is not in the space:" if faults else f"{path} is in the space")
        for fault in faults:
            say(f"  {fault}")
        say(describe_usage(usage))
    return 1 if faults else 0


def _write_samples(described: SearchSpace, number: int, folder: Path, seed: int, *, as_json: bool) -> None:
    archs = _draw(described, number, seed)
    folder.mkdir(parents=True, exist_ok=True)
    for arch in archs:
        arch.save(folder / f"{arch.arch_id}.json")
    if as_json:
        print_json([str(folder / f"{arch.arch_id}.json") for arch in archs])
        return
    distinct = len({arch.arch_id for arch in archs})
    say(f"{counted(number, 'network')} drawn, {distinct:,} of them distinct: {folder}/*.json")


def _show(described: SearchSpace, name: str, seed: int, *, as_json: bool) -> None:
    size, parameters = described.size(), described.describe()
    samples = list({arch.arch_id: arch for arch in _draw(described, 20, seed)}.values())[:5] if size.networks else []
    known = baselines(described)
    if as_json:
        print_json(
            {
                "space": described.to_dict(),
                "parameters": [{"name": p.name, "values": str(p.domain), "condition": p.condition} for p in parameters],
                "size": {
                    **size._asdict(),
                    "duplicate_share": size.duplicate_share,
                    "excluded_share": size.excluded_share,
                },
                "baselines": {label: arch.arch_id for label, arch in known.items()},
                "samples": [_sample_fields(arch) for arch in samples],
            }
        )
        return
    shape = "x".join(map(str, described.input_shape))
    say(f"space {name}: images {shape}, {described.num_classes} classes\n")
    _show_parameters(parameters)
    say()
    _show_size(described, size)
    say(f"baselines        {', '.join(known) or 'none'}")
    if samples:
        say("\nsamples")
    for arch in samples:
        fields = _sample_fields(arch)
        say(
            f"  {arch.arch_id}  {describe_arch(arch)}: {fields['params_count']:,} parameters, "
            f"{compact_number(fields['macs'])} MACs"
        )


def _show_parameters(parameters: tuple[Parameter, ...]) -> None:
    free = [p for p in parameters if not is_constant(p.domain)]
    fixed = [p for p in parameters if is_constant(p.domain)]
    width = max((len(p.name) for p in free), default=0)
    for p in free:
        say(f"{p.name:<{width}}  {p.domain}{f'  when {p.condition}' if p.condition else ''}")
    if fixed:
        say(f"fixed: {', '.join(f'{p.name} {p.domain}' for p in fixed)}")


def _show_size(described: SearchSpace, size: Size) -> None:
    times = f"; each with any value of {', '.join(size.continuous)}" if size.continuous else ""
    say(f"networks         {size.networks:,} distinct within the constraints, counted exactly{times}")
    say(f"descriptions     {size.descriptions:,}, of which {100 * size.duplicate_share:.1f} % are duplicates")
    constraints = described.constraints
    excluded = f"exclude {size.excluded:,} networks, {100 * size.excluded_share:.1f} %"
    say(f"constraints      {constraints}{f': {excluded}' if constraints.limits else ''}")
    if size.networks:
        say(f"parameters       {size.params_range[0]:,} .. {size.params_range[1]:,}")
        low, high = map(compact_number, size.macs_range)
        say(f"multiply-adds    {low} .. {high}, dense, over all time steps")


def _draw(described: SearchSpace, number: int, seed: int) -> list[Arch]:
    rng = Random(seed)
    return [described.sample(rng) for _ in range(number)]


def _sample_fields(arch: Arch) -> dict[str, Any]:
    return {
        "arch_id": arch.arch_id,
        "params_count": params_count(arch),
        "macs": dense_macs(arch),
        "arch": arch.model_dump(mode="json"),
    }
