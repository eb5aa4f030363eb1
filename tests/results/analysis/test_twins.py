"""Energies of a front beside those of its ReLU twins, in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from tests.results.made_runs import run_of, trial
from xoresnet.results.analysis.findings import found
from xoresnet.results.analysis.wording import Finding


def listed(*rows: dict[str, Any]) -> list[Finding]:
    return [finding for finding in found(run_of(*rows), "r") if finding.kind == "energy"]


def network(number: int, accuracy: float, spikes: float, energy: float, memory: float) -> dict[str, Any]:
    energies = {"energy_pj_per_sample": energy, "energy_memory_pj_per_sample": memory}
    twins = {"twin_energy_pj_per_sample": 100.0, "twin_energy_memory_pj_per_sample": 100.0}
    return trial(number, accuracy, spikes, **energies, **twins)


def test_by_each_model() -> None:
    rows = [
        network(0, 0.9, 300.0, 50.0, 150.0),
        network(1, 0.8, 200.0, 40.0, 90.0),
        network(2, 0.7, 100.0, 10.0, 120.0),
    ]
    arithmetic, memory = listed(*rows)
    assert arithmetic.sentence == (
        "Counted by arithmetic alone, all 3 networks of the front need less energy than the same layers with ReLU, "
        "run once with activations of ceil(log2(T + 1)) bits: 0.40 times as much in the median, 0.10 to 0.50 times "
        "over the front. Nobody has trained those."
    )
    assert memory.sentence.startswith(
        "Counted with every access to memory, 1 of the 3 networks of the front needs less energy than the same layers"
    )
    (number,) = memory.numbers
    assert (number.estimate, number.scale, number.count) == (pytest.approx(1.2), "ratio", 3)


def test_none_and_one() -> None:
    rows = [network(0, 0.9, 300.0, 150.0, 150.0), network(1, 0.8, 200.0, 140.0, 190.0)]
    assert "none of the 2 networks of the front needs less energy than" in listed(*rows)[0].sentence
    only = listed(network(0, 0.9, 300.0, 150.0, 50.0))
    assert "the only network of the front needs more energy than" in only[0].sentence
    assert only[0].sentence.endswith("bits: 1.50 times as much. Nobody has trained those.")
    assert "the only network of the front needs less energy than" in only[1].sentence


def test_runs_that_did_not_record_it() -> None:
    assert listed(trial(0, 0.9, 300.0), trial(1, 0.8, 200.0)) == []
