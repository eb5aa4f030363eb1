"""`xoresnet export`: a network of a search as a standalone model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xoresnet.errors import XOResNetError
from xoresnet.measures.metrics import compact_number, percent
from xoresnet.results.analysis.pick import PICKS, pick
from xoresnet.search.commands.front import read_run
from xoresnet.search.views.console import print_json

if TYPE_CHECKING:
    import pandas as pd

    from xoresnet.results.tables.loading import Run
    from xoresnet.standalone.comparison import Exported

__all__ = ["export"]


@click.command()
@click.argument("run", metavar="RUN")
@click.option("--pick", "wanted", default="knee", show_default=True, metavar="WHICH", help=f"{PICKS}.")
@click.option("--to", "formats", default="safetensors", show_default=True, metavar="FORMATS",
              help="safetensors, pt2, onnx, nir, with commas between; the first always comes along.")  # fmt: skip
@click.option("--output", metavar="DIR", help="Where it is written.  [default: RUN/export/TRIAL-ARCH_ID]")
@click.option("--searched", is_flag=True, help="The search's own weights, even where `confirm` has trained others.")
@click.option("--spikes", is_flag=True, help="Let .pt2 and .onnx return the spikes that each image cost, too.")
@click.option("--fold", is_flag=True, help="Fold batch norms into convolutions in .pt2 and .onnx; .nir always does.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def export(
    run: str, wanted: str, formats: str, output: str | None, searched: bool, spikes: bool, fold: bool, as_json: bool
) -> None:
    """Write a network of a search as a standalone model, compared with the network before it counts as done.

    RUN is the folder of a search, or of a training (`xoresnet train`). Where the network was confirmed, the weights are
    those of its best seed.
    """
    from xoresnet.errors import ExportError, ModelError
    from xoresnet.standalone.export import export as write
    from xoresnet.standalone.folder import load_model

    source, origin, name = _source(run, wanted, searched=searched)
    try:
        model = load_model(source)
        assert model.config is not None
        config = model.config.replace(origin=origin)
        folder = Path(output) if output else Path(run) / "export" / name
        done = write(model.net, config, folder, _formats(formats), spikes=spikes, fold=fold)
    except (ModelError, ExportError, ImportError) as error:
        raise XOResNetError(str(error)) from None
    if as_json:
        print_json({"origin": origin, "arch_id": config.arch.arch_id, "written": [_fields(one) for one in done]})
        return
    figures = config.figures
    on_test = f" ({percent(figures['test_accuracy'])} on the test set)" if "test_accuracy" in figures else ""
    accuracy = f"accuracy {percent(figures['val_accuracy'])}{on_test}"
    click.echo(f"{origin}: {accuracy}, {compact_number(figures['spikes_per_sample'])} spikes")
    for one in done:
        same = f"does what the network does on {one.decided} of {one.images} images (logits: {one.logits_error:.1g})"
        rest = "" if one.decided == one.images else "; on the others rounding decides whether some neuron fires"
        click.echo(f"{one.path} {same}{rest}")
    click.echo(f"next: python -c \"from xoresnet import load_model; print(load_model('{folder}'))\"")


def _source(run: str, wanted: str, *, searched: bool) -> tuple[Path, str, str]:
    """The folder that holds the weights, where they come from, and what to call them."""
    import pandas as pd

    from xoresnet.errors import ModelError
    from xoresnet.standalone.folder import CONFIG, find_model

    if (Path(run) / CONFIG).exists():  # a training
        return Path(run), Path(run).name, Path(run).name
    found = read_run(run)
    row = None if searched else _confirmed(found, wanted)
    if row is None:
        trial = _searched(found, wanted)
        number, name = int(trial["trial_id"]), f"{trial['trial_id']:04d}-{trial['arch_id']}"
        try:
            return find_model(f"{run}:{number}"), f"{found.name}:{number}", name
        except ModelError as error:
            raise XOResNetError(str(error)) from None
    how = f"confirmed with seed {row['seed']}, {row['config.recipe.epochs']} epochs"
    if pd.isna(row["trial_id"]):
        return Path(run) / row["weights"], f"{found.name}: {row['source']}, {how}", str(row["arch_id"])
    name = f"{row['trial_id']:04d}-{row['arch_id']}"
    return Path(run) / row["weights"], f"{found.name}:{row['trial_id']}, {how}", name


def _confirmed(run: Run, wanted: str) -> pd.Series[Any] | None:
    """Of the network that is meant, the seed whose weights were kept, with the most epochs; None where there is none
    that was trained for as many as in the search.

    Raises `XOResNetError` for what means nothing in this run.
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


def _searched(run: Run, wanted: str) -> pd.Series[Any]:
    """The complete trial that is meant, by the name of a baseline too. Raises `XOResNetError`."""
    named = run.trials[(run.trials["source"] == wanted) & (run.trials["state"] == "COMPLETE")]
    return pick(run, wanted) if named.empty else named.iloc[-1]


def _formats(text: str) -> Sequence[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _fields(one: Exported) -> dict[str, Any]:
    return {**one._asdict(), "path": str(one.path)}
