"""What a folder holds in place of a run, for messages. Imports nothing heavy, so that commands can answer quickly."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

__all__ = ["nearest_run", "no_run", "wrong_content"]

_KINDS = {"search": "search", "train": "training", "ablate": "ablation"}
"""By the command that wrote the file."""
_CONFIG = "config.yaml"


def wrong_content(config: object, wanted: str) -> str:
    """What a folder holds in place of what is `wanted`, for a message that begins with the folder's name.

    config: the content of its `config.yaml`. wanted: `search`, `training` or `ablation`.

    >>> wrong_content({"command": "train"}, "search")
    'holds a training, not a search'
    >>> wrong_content({"arch": {}}, "search")
    'holds no search: its config.yaml was not written by one'
    """
    command = config.get("command") if isinstance(config, dict) else None
    kind = _KINDS.get(str(command))
    if not kind:
        return f"holds no {wanted}: its config.yaml was not written by one"
    mine, other = (f"{'an' if name == 'ablation' else 'a'} {name}" for name in (kind, wanted))
    return f"holds {mine}, not {other}"


def no_run(run: str | Path) -> str:
    """Why no run is at a path: a sentence with what is there, and the folder that was probably meant.

    >>> no_run("no/such/run")
    'there is no folder no/such/run'
    """
    path = Path(run)
    near = nearest_run(path)
    guess = f"; did you mean {near}?" if near else ""
    if not path.exists():
        return f"there is no folder {run}{guess}"
    if not path.is_dir():
        return f"{run} is a file, not the folder of a run"
    inner = _runs_in(path)
    if inner:
        what = f"the run {inner[0]}" if len(inner) == 1 else f"{len(inner):,} runs"
        return f"{run} is not a run, but holds {what}; write for example {path / inner[0]}"
    if (path / "config.json").exists():
        return f"{run} holds a model, not a search{guess}"
    return f"{run} holds no search: it has no {_CONFIG}{guess}"


def nearest_run(path: Path) -> Path | None:
    """A run with the same name in `runs`, where commands write them; for a path where nothing is, also a similar name.

    Similar names are looked for beside the path, and for a plain name in `runs`. None if there is no such run.
    """
    usual = Path("runs", path.name)
    if usual != path and (usual / _CONFIG).exists():
        return usual
    folders = () if path.exists() else (path.parent,) if len(path.parts) > 1 else (Path(), Path("runs"))
    close = (
        folder / name for folder in folders for name in get_close_matches(path.name, _runs_in(folder), n=1, cutoff=0.65)
    )
    return next(close, None)


def _runs_in(folder: Path) -> list[str]:
    try:
        return sorted(file.parent.name for file in folder.glob(f"*/{_CONFIG}"))
    except OSError:  # a folder that may not be read
        return []
