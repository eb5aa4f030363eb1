"""What several commands share in reading their arguments."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from xoresnet.errors import UsageError
from xoresnet.files.small import read_small
from xoresnet.plain_text import shown
from xoresnet.search.addresses import check_cluster_address
from xoresnet.search.commands.arguments.settings import Settings
from xoresnet.search.interrupts import interruption_waits, termination_raises
from xoresnet.search.views.messages import say

__all__ = [
    "CommandWithSettings",
    "Number",
    "WholeNumber",
    "address_option",
    "check_nodes",
    "client_address",
    "existing_file",
    "near_file",
    "read_text",
    "run_through_client",
    "trust_code_option",
    "wait_for_nodes_option",
]

_ENDINGS = (".yaml", ".yml", ".json")
"""Of files that users write or give: searches, spaces and networks."""


class WholeNumber(click.ParamType[int]):
    """A whole number within bounds, both included."""

    name = "whole number"

    def __init__(self, least: int, most: int | None = None) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            number = int(value)
        except ValueError:
            self.fail(f"must be a whole number, got {shown(value)}", param, ctx)
        if number < self._least:
            self.fail(f"must be at least {self._least}, got {shown(number)}", param, ctx)
        if self._most is not None and number > self._most:
            self.fail(f"must be at most {self._most:,}, got {shown(number)}", param, ctx)
        return number


class Number(click.ParamType[float]):
    """A number; NaN is none."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            self.fail(f"must be a number, got {shown(value)}", param, ctx)
        return number


trust_code_option = click.option(
    "--trust-code",
    is_flag=True,
    help="Import code that is named by dotted path, such as merges and neurons: this runs it.",
)
"""For commands that read what others may have written."""


def _address(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        return None if value is None else check_cluster_address(value)
    except UsageError as error:
        raise click.BadParameter(str(error), ctx, param) from None


address_option = click.option(
    "--address",
    metavar="ADDRESS",
    callback=_address,
    help="Ray cluster: auto, HOST:PORT or ray://HOST:PORT.  [default: this machine]",
)
"""For commands that use Ray."""
wait_for_nodes_option = click.option(
    "--wait-for-nodes",
    "nodes",
    type=WholeNumber(1),
    metavar="N",
    help="Wait, 10 minutes at most, until N nodes of the cluster can run trials.",
)
"""For commands that run trials."""


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

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Keys"):
            formatter.write_text(", ".join(self._settings.keys))
        super().format_epilog(ctx, formatter)

    def _as_setting(self, option: str, words: Sequence[str]) -> str | None:
        """`trials=8` for `--trials 8`, if there is such a setting."""
        name = option.lstrip("-").replace("-", "_")
        keys = self._settings.full_keys(name) or self._settings.full_keys(name.replace("_", ".", 1))
        usual = self._settings.usual_key(name)
        keys = keys if usual is None else [usual]
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


def check_nodes(nodes: int | None, address: str | None) -> None:
    """Raises `UsageError` for a wait for nodes without a cluster; address: as configured."""
    if nodes is not None and not (address or os.environ.get("RAY_ADDRESS")):
        raise UsageError("--wait-for-nodes has no effect without a Ray cluster; add --address HOST:PORT")


def client_address(address: str | None) -> str | None:
    """The address of Ray Client, `ray://HOST:PORT`, if that is where a command is to run; address: as configured."""
    found = address or os.environ.get("RAY_ADDRESS") or ""
    return found if found.startswith("ray://") else None


def run_through_client(address: str, words: Sequence[str], run: str, command: str) -> int:
    """Run a command on the head of the cluster at `ray://HOST:PORT`, and print here; as `run_on_head`."""
    with interruption_waits():
        from xoresnet.search.execution.relay import run_on_head
    with termination_raises():
        return run_on_head(address, words, run, command, lambda line: say(line.text, newline=False, err=line.is_error))


def existing_file(name: str | Path) -> Path:
    """The path of a file that a user named. Raises `UsageError` if there is no such file."""
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"{name} is a folder, not a file")
    if not path.exists():
        near = near_file(path)
        raise UsageError(f"there is no file {name}" + (f"; did you mean {near}?" if near else ""))
    return path


def near_file(path: Path) -> Path | None:
    """A file beside it of the kinds that commands read: one that differs in its ending alone, else a similar name."""
    try:
        files = [file for file in path.parent.iterdir() if file.suffix in _ENDINGS and file.is_file()]
    except OSError:  # there is no such folder, or it may not be read
        return None
    by_stem = {file.stem: file for file in sorted(files)}
    close = get_close_matches(path.stem, by_stem, n=1, cutoff=0.75)
    return by_stem[close[0]] if close else None


def read_text(name: str) -> str:
    """The content of a text file that a user named. Raises `UsageError` if there is none, or if it is not UTF-8."""
    try:
        return read_small(existing_file(name)).decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not a text file in UTF-8") from None
