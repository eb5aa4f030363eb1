"""`xoresnet export`: a network of a search or a training as a standalone model."""

from __future__ import annotations

import math
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xoresnet.description.schema import nearest
from xoresnet.errors import RunError, UsageError
from xoresnet.files.places import is_url, local_path
from xoresnet.files.remote import RemoteFolder
from xoresnet.measures.metrics import compact_number, metric_of, percent
from xoresnet.results.analysis.leading import leading, search_figures
from xoresnet.results.analysis.pick import PICKS
from xoresnet.results.analysis.trust import guessing_findings
from xoresnet.results.analysis.weights import Weights, chosen_weights
from xoresnet.search.commands.arguments.completing import complete_folder, complete_run
from xoresnet.search.commands.arguments.options import trust_code_option
from xoresnet.search.commands.run_tables import read_run
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import print_note, say
from xoresnet.search.views.words import counted
from xoresnet.standalone.formats import format_names

if TYPE_CHECKING:
    from xoresnet.standalone.comparison import Exported

__all__ = ["export"]

_CONFIG = "config.json"
"""The file beside the weights of a trial or a training."""


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.option("--pick", "wanted", metavar="WHICH", help=f"The network of a search: {PICKS}.  [default: knee]")
@click.option(
    "--to",
    "formats",
    default="safetensors",
    show_default=True,
    metavar="FORMATS",
    help=f"Comma-separated: safetensors (always written), {', '.join(format_names())}.",
)
@click.option(
    "--output",
    metavar="DIR",
    shell_complete=complete_folder,
    help="The folder to write.  [default: RUN/export/TRIAL-ARCH_ID]",
)
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

    RUN is the folder of a search, or its URL, or the folder of one training (`xoresnet train`). Every file is run and
    compared with the network before it counts as written. If the network was confirmed, the weights of its best seed
    are exported.
    """
    names, target = _formats(formats), None if output is None else _target(output)
    source = _source(run, wanted, searched=searched, trust_code=trust_code)
    # torch, which `--help` and wrong options do not need
    from xoresnet.standalone.export import export as write
    from xoresnet.standalone.folder import load_model

    if source.note:
        print_note(source.note)
    with _weights(run, source) as weights:
        model = load_model(weights, trust_code=trust_code)
    assert model.config is not None
    figures = {**model.config.figures, **source.confirmed}
    config = model.config.replace(origin=source.origin, figures=figures)
    folder = target or (Path() if is_url(run) else local_path(run, "RUN")) / "export" / source.name
    written = write(model.net, config, folder, names, spikes=spikes, fold=fold)
    if as_json:
        files = [{**file._asdict(), "path": str(file.path)} for file in written]
        print_json({"origin": source.origin, "arch_id": config.arch.arch_id, "written": files})
        return
    on_test = f", test accuracy {percent(figures['test_accuracy'])}" if "test_accuracy" in figures else ""
    spiking = f"{compact_number(figures['spikes_per_sample'])} spikes per image"
    if is_url(run) and target is None:
        say(f"note: {run} is a URL, so the model was written to this machine, into {folder}", err=True)
    if source.confirmed:
        say(f"confirmed: {_means(source.confirmed)}")
    origin = f"{run}{source.origin.removeprefix(Path(run).name)}"  # `RUN:ID`, as commands take it
    say(f"{origin}: validation accuracy {percent(figures['val_accuracy'])}{on_test}, {spiking}")
    for file in written:
        say(f"{file.path}: {_verification(file)}")
    say(f"next: {shlex.join(['xoresnet', 'predict', str(folder), 'IMAGE', *['--trust-code'] * trust_code])}")


def _means(confirmed: Mapping[str, float]) -> str:
    """`accuracy on the test set 97.20 ± 0.31 %, spikes per sample on the test set 1,234 ± 20 (3 seeds)`."""
    parts = []
    for name in ("test_accuracy", "test_spikes_per_sample"):
        metric = metric_of(name)
        mean, deviation = confirmed[f"{name}_mean"], confirmed.get(f"{name}_std", math.nan)
        parts.append(f"{metric.long_heading} {metric.spread_text(mean, deviation)}")
    return f"{', '.join(parts)} ({counted(int(confirmed['seeds']), 'seed')})"


def _verification(file: Exported) -> str:
    same = f"verified, matches the original on {file.decided}/{file.images} images"
    error = f"largest relative logit difference {file.logits_error:.1g}"
    rest = "" if file.decided == file.images else "; on the others, rounding decides whether a neuron fires"
    return f"{same} ({error}){rest}"


def _source(run: str, wanted: str | None, *, searched: bool, trust_code: bool) -> Weights:
    """Raises `UsageError` for a pick that does not exist, `RunError` for a run or weights that do not."""
    if not is_url(run) and (local_path(run, "RUN") / _CONFIG).exists():
        for option in ["--pick"] * (wanted is not None) + ["--searched"] * searched:
            raise UsageError(f"{run} holds one network; {option} is for searches, leave it out")
        return Weights(".", "the training", Path(run).name, Path(run).name)
    if not is_url(run) and (local_path(run, "RUN") / "arch.json").exists():
        raise RunError(f"the training in {run} is not finished: it has no weights; finish it with the same command")
    tables = read_run(run, trust_code=trust_code)
    for finding in guessing_findings(tables, search_figures(tables) if searched else leading(tables)):
        print_note(finding.sentence)
    return chosen_weights(tables, "knee" if wanted is None else wanted, searched=searched)


@contextmanager
def _weights(run: str, source: Weights) -> Iterator[Path]:
    """The folder with the weights, brought here from a URL. Raises `RunError` if they are missing."""
    weights = f"its weights are missing: there is no {run}/{source.place}/{_CONFIG}"
    missing = f"{source.what} of {run} is complete, but {weights}"
    if not is_url(run):
        folder = local_path(run, "RUN") / source.place
        if not (folder / _CONFIG).exists():
            raise RunError(missing)
        yield folder
        return
    remote = RemoteFolder(run)
    with tempfile.TemporaryDirectory(prefix="xoresnet-", ignore_cleanup_errors=True) as scratch:
        for name in (_CONFIG, "weights.safetensors"):
            if not remote.fetch(f"{source.place}/{name}", Path(scratch, name)):
                raise RunError(missing)
        yield Path(scratch)


def _formats(text: str) -> Sequence[str]:
    """Raises `UsageError`."""
    names, known = [name.strip() for name in text.split(",") if name.strip()], ("safetensors", *format_names())
    if not names:
        raise UsageError(f"--to: no format given; choose from {', '.join(known)}")
    for name in names:
        if name not in known:
            raise UsageError(f"--to: {name!r} is not one of {', '.join(known)}{nearest(name, known)}")
    return names


def _target(output: str) -> Path:
    """Raises `UsageError`."""
    folder = local_path(output, "--output")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"--output: {output} is a file; name a folder")
    if not folder.parent.is_dir():
        raise UsageError(f"--output: there is no folder {folder.parent}")
    return folder
