"""Models by name: `load_model("mine")`, `load_model("runs/digits:knee")`.

The top of this package, because a pick reads the tables of a run (`xoresnet.results`). All other models need only
torch, pydantic and safetensors.
"""

from __future__ import annotations

from pathlib import Path

from xoresnet.description.arch import ARCH_ID_LENGTH
from xoresnet.errors import ModelError, NoModelError
from xoresnet.files.places import is_url, local_path
from xoresnet.files.run_contents import nearest_run
from xoresnet.standalone import folder as folders
from xoresnet.standalone.module import Standalone

__all__ = ["find_model", "load_model"]


def load_model(source: str | Path, *, spikes: bool = False, trust_code: bool = False) -> Standalone:
    """A trained model, ready to use: takes images [N, C, H, W] in [0, 1], returns logits [N, classes].

        load_model("mine")                          # a folder that `xoresnet export` wrote, or one training
        load_model("runs/digits:7")                 # trial 7 of a search
        load_model("runs/digits:knee")              # also :best-accuracy :max-spikes=2000 :min-accuracy=0.95

    source: the folder of a model or of a training; `RUN:ID` for a trial with the weights of the search; or `RUN:PICK`
    for the network that `xoresnet export RUN --pick PICK` exports, with the weights of its best confirmed seed where it
    was confirmed. spikes: also return the number of spikes that each image cost, [N]. The model's description is in
    `.config`. trust_code: import merges and neurons that the description names by dotted path, which runs their
    modules; modules that are imported already need no trust.

    Raises `ModelError` for a folder that is missing or damaged, and for weights of another network, `UsageError` and
    `RunError` for a pick that the run cannot meet, and `UntrustedCodeError`, which names the code, where code would
    have to be imported.
    """
    return folders.load_model(find_model(source), spikes=spikes, trust_code=trust_code)


def find_model(source: str | Path) -> Path:
    """The folder that `source` names. Raises as `load_model`, also for a URL."""
    if is_url(source):
        remedy = "write the model here first, with xoresnet export RUN --pick ID, and load that folder"
        raise NoModelError(f"{source} is a URL, but models are read from folders of this machine; {remedy}")
    path = local_path(source, "model")
    _refuse_with_guess(str(path))
    run, colon, wanted = str(path).rpartition(":")
    if not colon or not wanted or path.exists() or not Path(run).is_dir():
        return path
    is_number = wanted.isdecimal() and len(wanted) < ARCH_ID_LENGTH  # the id of a network may have digits alone
    return _of_trial(run, int(wanted)) if is_number else _picked(run, wanted)


def _refuse_with_guess(source: str) -> None:
    """Raises `NoModelError` where no model or run is at a path, but a run has this name, or one that resembles it."""
    run, _, pick = source.rpartition(":") if ":" in source and not Path(source).exists() else (source, "", "")
    path = Path(run)
    if any((path / name).exists() for name in (folders.CONFIG, "arch.json", "config.yaml", "trials")):
        return
    near = nearest_run(path)
    if near is not None:
        pick = pick or ("knee" if (near / "trials").is_dir() else "")
        raise NoModelError(f"there is no model {source}; did you mean {near}{f':{pick}' if pick else ''}?")


def _of_trial(run: str, trial: int) -> Path:
    configs = sorted((Path(run) / "trials").glob(f"{trial:04d}-*/{folders.CONFIG}"))
    if not configs:
        raise ModelError(f"{run} holds no model of a trial {trial}: it is not complete, or its weights were removed")
    return configs[0].parent


def _picked(run: str, wanted: str) -> Path:
    # pandas, which other models do not need
    from xoresnet.results.analysis.weights import chosen_weights
    from xoresnet.results.tables.loading import load

    weights = chosen_weights(load(run), wanted)
    folder = Path(run) / weights.place
    if not (folder / folders.CONFIG).exists():
        raise ModelError(f"{weights.what} of {run} is complete, but its weights are missing: there is no {folder}")
    return folder
