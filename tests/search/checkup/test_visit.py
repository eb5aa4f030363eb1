"""Why a cluster cannot be joined, and what to do about it."""

from __future__ import annotations

import pytest

from xoresnet.errors import UsageError
from xoresnet.search.checkup.faults import NodeFault
from xoresnet.search.checkup.visit import _of_cluster, facts_of, visit
from xoresnet.search.checkup.worker import Question
from xoresnet.search.execution.session import TOKEN_REMEDY, VERSIONS_REMEDY

FACTS = {"cpus": {"present": 2, "usable": 2}}

WITH_MODE = f"set RAY_AUTH_MODE=token, and {TOKEN_REMEDY}"


def silent(step: str) -> None:
    """Nobody watches."""


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ray.is_initialized", lambda: False)  # other tests of this process may have started one


def test_nobody_there() -> None:
    seen = visit("127.0.0.1:9", facts_of("here", FACTS), Question(1), silent, "start one")
    (fault,) = seen.faults
    assert (fault.node, fault.remedy) == ("here", "start one")
    assert fault.what.startswith("no Ray cluster answers at 127.0.0.1:9: ")
    assert (seen.cluster, seen.nodes) == (None, [])


def test_no_address() -> None:
    with pytest.raises(UsageError, match=r"^address: must be HOST:PORT, ray://HOST:PORT or auto, got 'nowhere'$"):
        visit("nowhere", facts_of("here", FACTS), Question(1), silent, "start one")


@pytest.mark.parametrize(
    ("mode", "sentence", "what", "remedy"),
    [
        ("token", f"it refuses: {TOKEN_REMEDY}", "it refuses", TOKEN_REMEDY),
        (
            "",
            f"it refuses: set RAY_AUTH_MODE=token, and {TOKEN_REMEDY}",
            "it refuses",
            f"set RAY_AUTH_MODE=token, and {TOKEN_REMEDY}",
        ),
        ("", f"it differs: {VERSIONS_REMEDY}", "it differs", VERSIONS_REMEDY),
        ("token", "it is silent: no answer", "it is silent: no answer", "start one"),
    ],
)
def test_sentences_with_their_remedy(
    mode: str, sentence: str, what: str, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    assert _of_cluster("here", sentence, "start one") == NodeFault("here", what, remedy)
