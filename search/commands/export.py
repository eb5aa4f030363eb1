"""`xoresnet export`: a network of a search or a training as a standalone model."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
import pandas as pd

from xoresnet.errors import RunError, UsageError
from xoresnet.files.places import local_path
from xoresnet.measures.metrics import compact_number, percent
from xoresnet.results.analysis.pick import PICKS, pick
from xoresnet.results.tables.loading import Run
from xoresnet.search.commands.arguments import trust_code_option
from xoresnet.search.commands.run_tables import read_run
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import say
from xoresnet.standalone.formats import format_names

if TYPE_CHECKING:
    from xoresnet.standalone.comparison import Exported

__all__ = ["export"]

_CONFIG = "config.json"
"""The file beside the weights of a trial or a training."""


class _Source(NamedTuple):
    """The weights that are exported."""

    folder: Path
    origin: str
    """Where they come from, for people."""
    name: str
    """The default name of the exported folder."""


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--pick", "wanted", metavar="WHICH", help=f"The network of a search: {PICKS}.  [default: knee]")
@click.option(
    "--to",
    "formats",
    default="safetensors",
    show_default=True,
    metavar="FORMATS",
    help=f"Comma-separated: safetensors (always written), {', '.join(format_names())}.",
)
@click.option("--output", metavar="DIR", help="The folder to write.  [default: RUN/export/TRIAL-ARCH_ID]")
@click.option("--searched", is_flag=True, help="Take the weights of the search, even if `confirm` has trained others.")
@click.option("--spikes", is_flag=True, help="Let .pt2 and .onnx also return the spikes of each image.")
@click.option("--fold", is_flag=True, help="Fold batch norms into convolutions in .pt2 and .onnx, as .nir always does.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print the written files and their verification as JSON.")
def export(
    run: str,
    wanted: str | None,
    formats: str,
    output: str | None,
    searched: bool,
    spikes: bool,
    fold: bool,
    trust_code: bool,
    as_json: bool,
) -> None:
    """Write a network of a search or a training as a standalone model.

    RUN is the folder of a search, or of one training (`xoresnet train`). Every file is run and compared with the
    network before it counts as written. If the network was confirmed, the weights of its best seed are exported.
    """
    local_path(run, "RUN")  # weights are read from there, too
    target = None if output is None else local_path(output, "--output")
    source = _source(run, wanted, searched=searched, trust_code=trust_code)
    # torch, which `--help` and wrong options do not need
    from xoresnet.standalone.export import export as write
    from xoresnet.standalone.folder import load_model

    model = load_model(source.folder, trust_code=trust_code)
    assert model.config is not None
    config = model.config.replace(origin=source.origin)
    folder = target or Path(run) / "export" / source.name
    written = write(model.net, config, folder, _formats(formats), spikes=spikes, fold=fold)
    if as_json:
        files = [{**file._asdict(), "path": str(file.path)} for file in written]
        print_json({"origin": source.origin, "arch_id": config.arch.arch_id, "written": files})
        return
    figures = config.figures
    on_test = f", test accuracy {percent(figures['test_accuracy'])}" if "test_accuracy" in figures else ""
    spiking = f"{compact_number(figures['spikes_per_sample'])} spikes per image"
    say(f"{source.origin}: validation accuracy {percent(figures['val_accuracy'])}{on_test}, {spiking}")
    for file in written:
        say(f"{file.path}: {_verification(file)}")
    trust = ", trust_code=True" if trust_code else ""
    code = f"from xoresnet import load_model; print(load_model({json.dumps(str(folder))}{trust}))"
    say(f"next: {shlex.join(['python', '-c', code])}")


def _verification(file: Exported) -> str:
    same = f"verified, matches the original on {file.decided}/{file.images} images"
    error = f"largest relative logit difference {file.logits_error:.1g}"
    rest = "" if file.decided == file.images else "; on the others, rounding decides whether a neuron fires"
    return f"{same} ({error}){rest}"


def _source(run: str, wanted: str | None, *, searched: bool, trust_code: bool) -> _Source:
    """Raises `UsageError` for a pick that does not exist, `RunError` for a run or weights that do not."""
    if (Path(run) / _CONFIG).exists():
        for option in ["--pick"] * (wanted is not None) + ["--searched"] * searched:
            raise UsageError(f"{run} holds one training; {option} is for searches, leave it out")
        return _Source(Path(run), Path(run).name, Path(run).name)
    tables = read_run(run, trust_code=trust_code)
    wanted = "knee" if wanted is None else wanted
    row = None if searched else _confirmed(tables, wanted)
    if row is None:
        return _searched(run, tables, wanted)
    how = f"confirmed with seed {row['seed']}, {row['config.recipe.epochs']} epochs"
    if pd.isna(row["trial_id"]):
        return _Source(Path(run) / row["weights"], f"{tables.name}: {row['source']}, {how}", str(row["arch_id"]))
    name = f"{row['trial_id']:04d}-{row['arch_id']}"
    return _Source(Path(run) / row["weights"], f"{tables.name}:{row['trial_id']}, {how}", name)


def _confirmed(run: Run, wanted: str) -> pd.Series[Any] | None:
    """The confirmed training whose weights are exported: of its network, the kept seed with the most epochs.

    None if there is none, or if the search trained the network for more epochs. Raises `UsageError`.
    """
    kept = run.confirmed[run.confirmed["weights"].notna()].sort_values("config.recipe.epochs", kind="stable")
    alone = kept["trial_id"].isna() & (kept["arch_id"] == wanted)  # a baseline that was not searched
    rows = kept[alone | (kept["source"] == wanted)]
    if rows.empty and not (run.trials["source"] == wanted).any():
        rows = kept[kept["trial_id"] == pick(run, wanted, any_state=True)["trial_id"]]
    if rows.empty:
        return None
    row = rows.iloc[-1]
    own = run.trials[(run.trials["trial_id"] == row["trial_id"]).fillna(False) & (run.trials["state"] == "COMPLETE")]
    return None if (own["config.recipe.epochs"] > row["config.recipe.epochs"]).any() else row


def _searched(run: str, tables: Run, wanted: str) -> _Source:
    """The complete trial that is meant, by the name of a baseline too. Raises `UsageError`, `RunError`."""
    named = tables.trials[(tables.trials["source"] == wanted) & (tables.trials["state"] == "COMPLETE")]
    trial = pick(tables, wanted) if named.empty else named.iloc[-1]
    number, name = int(trial["trial_id"]), f"{trial['trial_id']:04d}-{trial['arch_id']}"
    folder = Path(run) / "trials" / name
    if not (folder / _CONFIG).exists():
        raise RunError(
            f"trial {number} of {run} is complete, but its weights are missing: there is no {folder}/{_CONFIG}"
        )
    return _Source(folder, f"{tables.name}:{number}", name)


def _formats(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
