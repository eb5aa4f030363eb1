"""`xoresnet repair`: rebuild a run whose journals or tables are damaged."""

from __future__ import annotations

import click

from xoresnet.description.user_code import names_only
from xoresnet.search.commands.arguments.completing import complete_run
from xoresnet.search.commands.arguments.options import trust_code_option
from xoresnet.search.repair import Repaired
from xoresnet.search.repair import repair as rebuild
from xoresnet.search.views.console import print_json
from xoresnet.search.views.messages import say
from xoresnet.search.views.words import counted

__all__ = ["repair"]


@click.command()
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@trust_code_option
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
def repair(run: str, trust_code: bool, as_json: bool) -> None:
    """Rebuild a run whose journals or tables are damaged.

    RUN is the folder of the search, or its URL. Its journal is rebuilt from its intact lines, the tables and the
    trials' folders, and its tables from the journal. What is replaced is kept in RUN/before-repair.
    """
    with names_only(run, trust_code=trust_code):
        done = rebuild(run, on_wait=lambda sentence: say(sentence, err=True))
    if as_json:
        print_json({**done._asdict(), "copies": None if done.copies is None else str(done.copies)})
    else:
        _show(done)


def _show(done: Repaired) -> None:
    for fault in done.faults:
        say(f"found: {fault}")
    if not done.faults:
        say("nothing is damaged; the tables were written anew")
        return
    rebuilt = f"; {len(done.from_tables)} of them completed from the tables" if done.from_tables else ""
    say(f"rebuilt: {counted(done.trials, 'trial')}, with those that wait or were answered from the record{rebuilt}")
    if done.lost:
        numbers = ", ".join(map(str, done.lost))
        lost = "" if done.recorded else ", or lost with their lines"
        what = f"{counted(len(done.lost), 'trial')}, answered from the record, which costs nothing{lost}"
        say(f"not in the tables: {what}: {numbers}")
    if done.copies is not None:
        say(f"what was replaced is in {done.copies}")
