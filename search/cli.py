"""The command line: `xoresnet COMMAND`. Each command is a file of its own; what they share is how they end."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from xoresnet.description.schema import SpecError
from xoresnet.search.commands.confirm import confirm
from xoresnet.search.commands.data import data
from xoresnet.search.commands.export import export
from xoresnet.search.commands.front import front
from xoresnet.search.commands.report import report
from xoresnet.search.commands.search import search
from xoresnet.search.commands.space import space
from xoresnet.search.commands.status import status
from xoresnet.search.commands.train import train
from xoresnet.search.errors import CommandError
from xoresnet.search.interrupts import exit_code
from xoresnet.search.views.console import print_error

__all__ = ["main", "run"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="xoresnet", prog_name="xoresnet")
def app() -> None:
    """Search residual configurations of deep spiking neural networks: accuracy versus spike count.

    Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (143 by SIGTERM).
    """


app.add_command(confirm)
app.add_command(data)
app.add_command(export)
app.add_command(front)
app.add_command(report)
app.add_command(search)
app.add_command(space)
app.add_command(status)
app.add_command(train)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    try:
        code = app.main(arguments, prog_name="xoresnet", standalone_mode=False)
        if sys.stdout is not None:  # it may be closed
            sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 2
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        print_error(f"{error.format_message()}{where}")
        return 2
    except SpecError as error:
        for fault in error.faults:
            print_error(str(fault))
        return 2
    except CommandError as error:
        print_error(str(error))
        return error.exit_code
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print_error(f"{error.filename or 'the file system'}: {error.strerror or error}")
        return 1
    except click.Abort as abort:  # click's for KeyboardInterrupt
        print_error("interrupted")
        return exit_code(abort.__cause__)
    return code if isinstance(code, int) else 0


def run() -> None:
    """The console script."""
    sys.path.append(str(Path.cwd()))  # for merges and neurons of the user's own; behind everything that is installed
    sys.exit(main())
