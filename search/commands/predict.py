"""`xoresnet predict`: what a model says of images."""

from __future__ import annotations

from collections.abc import Sequence

import click

from xoresnet.search.commands.arguments.completing import complete_file, complete_run
from xoresnet.search.commands.arguments.options import WholeNumber, trust_code_option
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import say

__all__ = ["predict"]

_MOST_CLASSES = 1000


@click.command()
@click.argument("model", metavar="MODEL", shell_complete=complete_run)
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...", shell_complete=complete_file)
@click.option(
    "--top",
    type=WholeNumber(1, _MOST_CLASSES),
    default=3,
    show_default=True,
    metavar="N",
    help="With --json, the N most probable classes of each image.",
)
@click.option("--spikes", is_flag=True, help="Also count the spikes that each image costs.")
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each image, in a list.")
def predict(model: str, images: Sequence[str], top: int, spikes: bool, trust_code: bool, as_json: bool) -> None:
    """Name the class of images by a trained model.

    MODEL is the folder of a model that `xoresnet export` wrote, of a training (`xoresnet train`), or RUN:ID for a trial
    of a search. IMAGE is a file, or a folder for all image files in it; images are scaled and cut as the images of the
    data set were. For a model of recordings of event cameras, it is a recording (.npy, .bin, .aedat4) or a folder of
    them.
    """
    from xoresnet.models import load_model  # torch, which `--help` and wrong options do not need

    found = load_model(model, spikes=spikes, trust_code=trust_code).predict(images)
    if not as_json:
        say(found.as_text())
        return
    counts = [None] * len(found) if found.spikes is None else found.spikes.tolist()
    print_json(
        [
            {
                "image": name,
                "label": label,
                "classes": [{"label": other, "probability": probability} for other, probability in classes],
                **({} if count is None else {"spikes": count}),
            }
            for name, label, classes, count in zip(found.names, found.labels, found.top(top), counts, strict=True)
        ]
    )
