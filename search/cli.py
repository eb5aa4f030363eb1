"""The command line, `xoresnet COMMAND`: runs a command and turns errors into sentences and exit codes.

Each command is a file in `commands/` that is imported when the command is called. Exit codes are chosen here alone.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

import click

from xoresnet.description.code_folders import add_code_folder
from xoresnet.errors import SpecError, UntrustedCodeError, UsageError, XOResNetError
from xoresnet.files.disk import full_disk, is_full
from xoresnet.search.interrupts import interruption_waits, signal_of
from xoresnet.search.views.messages import print_error

__all__ = ["COMMANDS", "main", "run"]

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "ablate": "Change one field of a network at a time and measure what that does, on several seeds.",
        "confirm": "Retrain the front of a search on several seeds and measure it on the test set.",
        "data": "List the data sets, or describe, check or download one.",
        "doctor": "Examine this machine, or each node of a cluster, and tell what is wrong and how to mend it.",
        "export": "Write a network of a search or a training as a standalone model.",
        "front": "Print the front of a search as a table, CSV or JSON.",
        "predict": "Name the class of images by a trained model.",
        "repair": "Rebuild a run whose journals or tables are damaged.",
        "report": "Write the report of a search: one HTML file that opens offline.",
        "search": "Search a space for networks that are accurate and spike little.",
        "space": "Describe a search space: its parameters, its size and sample networks.",
        "status": "Show the progress of a search, its running trials and its front.",
        "train": "Train one network.",
    }
)
"""The summaries that `xoresnet --help` prints: the first sentence of each command's own help."""


class _Commands(click.Group):
    """A group whose commands are imported when they are called, so that `--help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        with interruption_waits():
            command: click.Command = getattr(import_module(f"xoresnet.search.commands.{cmd_name}"), cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            guess = get_close_matches(args[0], COMMANDS, n=1)
            hint = f" Did you mean {guess[0]!r}?" if guess else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xoresnet", prog_name="xoresnet")
def app() -> None:
    """Search residual configurations of deep spiking neural networks for accuracy and few spikes.

    Exit codes: 0 success, 1 failure, 2 wrong usage, 130 interrupted (143 by SIGTERM).
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        code = app.main(arguments, prog_name="xoresnet", standalone_mode=False)
        if sys.stdout is not None:  # None where the process was started with stdout closed
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        print_error(f"{_sentence(error)}{where}")
        return 2
    except SpecError as error:
        for line in error.sentences:
            print_error(line)
        return 2
    except UntrustedCodeError as error:
        print_error(f"{error.fact}; add --trust-code if you trust it")
        return 1
    except XOResNetError as error:
        print_error(str(error))
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:  # the reader of our output has closed the pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if is_full(error) and error.filename:
            folders = Path(error.filename).absolute().parents
            print_error(full_disk(next(folder for folder in folders if folder.exists()), error=error))
        else:
            print_error(f"{error.filename or 'the file system'}: {error.strerror or error}")
        return 1
    except click.Abort as abort:  # click raises it for KeyboardInterrupt
        print_error("interrupted")
        return 128 + signal_of(abort.__cause__)  # by the convention of shells
    except Exception as error:  # of a user's merge or neuron, which may raise anything
        from xoresnet.description.user_code import fault_of_user_code  # imports pydantic, which help must not wait for

        sentence = fault_of_user_code(error)
        if sentence is None:
            raise
        print_error(sentence)
        return 1
    return code if isinstance(code, int) else 0


def _sentence(error: click.UsageError) -> str:
    """What is wrong with the words of a command, in the form of all other messages."""
    if isinstance(error, click.BadParameter) and error.param is not None and type(error) is click.BadParameter:
        return f"{error.param.opts[0]} {error.message}"
    return error.format_message()


def run() -> None:
    """The console script."""
    add_code_folder(Path.cwd())
    sys.exit(main())
