"""What several commands share in reading their arguments."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from xoresnet.errors import UsageError
from xoresnet.files.small import read_small
from xoresnet.search.commands.overrides import Settings

__all__ = ["CommandWithSettings", "existing_file", "read_text", "trust_code_option"]

trust_code_option = click.option(
    "--trust-code",
    is_flag=True,
    help="Import code that is named by dotted path, such as merges and neurons: this runs it.",
)
"""For commands that read what others may have written."""


class CommandWithSettings(click.Command):
    """A command that takes settings, KEY=VALUE, besides its options, and says so where a user mixes up the two."""

    def __init__(self, *args: Any, settings: Settings, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._settings = settings

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)  # click takes them out of its own
        try:
            rest = super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            setting = self._as_setting(error.option_name, words)
            if setting is None:
                raise
            raise click.UsageError(f"No such option {error.option_name!r}. Write {setting} instead.", ctx) from None
        for text in (ctx.params.get("name"), *ctx.params.get("changes", ())):
            option = self._as_option(text) if text is not None else None
            if option is not None:
                raise click.UsageError(f"{text}: write {option} instead.", ctx)
        return rest

    def _as_setting(self, option: str, words: Sequence[str]) -> str | None:
        """`trials=8` for `--trials 8`, if there is such a setting."""
        name = option.lstrip("-").replace("-", "_")
        keys = self._settings.full_keys(name) or self._settings.full_keys(name.replace("_", ".", 1))
        if len(keys) != 1:
            return None
        word = next(word for word in words if word.partition("=")[0] == option)
        following = words[words.index(word) + 1 :][:1]
        value = word.partition("=")[2] or next((text for text in following if not text.startswith("-")), "VALUE")
        return f"{keys[0]}={value}"

    def _as_option(self, text: str) -> str | None:
        """`--device cpu` for `device=cpu`, if there is such an option and no such setting."""
        key, equals, value = text.partition("=")
        name = f"--{key.replace('_', '-')}"
        option = next((param for param in self.params if isinstance(param, click.Option) and name in param.opts), None)
        if option is None or not equals or self._settings.accepts(key):
            return None
        return name if option.is_flag else f"{name} {value}"


def existing_file(name: str | Path) -> Path:
    """The path of a file that a user named. Raises `UsageError` if there is no such file."""
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{name} is a folder, not a file")
    if not path.exists():
        raise UsageError(f"there is no file {name}")
    return path


def read_text(name: str) -> str:
    """The content of a text file that a user named. Raises `UsageError` if there is none, or if it is not UTF-8."""
    try:
        return read_small(existing_file(name)).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not a text file in UTF-8") from None
