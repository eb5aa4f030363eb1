"""What a run folder holds, by its `config.yaml`. Imports nothing heavy, so that commands can answer quickly."""

from __future__ import annotations

__all__ = ["wrong_content"]

_KINDS = {"search": "search", "train": "training"}
"""By the command that wrote the file."""


def wrong_content(config: object, wanted: str) -> str:
    """What a folder holds in place of a `search` or `training`, for a message that begins with the folder's name.

    config: the content of its `config.yaml`.

    >>> wrong_content({"command": "train"}, "search")
    'holds a training, not a search'
    >>> wrong_content({"arch": {}}, "search")
    'holds no search: its config.yaml was not written by one'
    """
    command = config.get("command") if isinstance(config, dict) else None
    kind = _KINDS.get(str(command))
    return f"holds a {kind}, not a {wanted}" if kind else f"holds no {wanted}: its config.yaml was not written by one"
