from __future__ import annotations

from typing import Any, get_args

import pytest

from xoresnet.description.neuron_spec import (
    NEURON_KINDS,
    SURROGATE_ALPHAS,
    NeuronSpec,
    Surrogate,
    SurrogateKind,
    neuron_params_count,
)
from xoresnet.errors import SpecError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "lift"}, "kind: 'lift' is not one of lif, if, plif; did you mean 'lif'?"),
        ({"kind": ["lif"]}, "kind: ['lif'] is not one of lif, if, plif"),
        ({"tau": 0.5}, "tau: must be at least 1 for a lif neuron, got 0.5"),
        ({"kind": "plif", "tau": 1}, "tau: must be greater than 1 for a plif neuron, got 1.0"),
        ({"tau": float("inf")}, "tau: must be finite, got inf"),
        ({"tau": "2"}, "tau: must be a number, got '2'"),
        ({"threshold": 0}, "threshold: must be greater than 0, got 0"),
        ({"reset": "none"}, "reset: 'none' is not one of hard, soft"),
        ({"detach_reset": 1}, "detach_reset: must be true or false, got 1"),
        ({"v_threshold": 1.0}, "v_threshold: unknown field; did you mean 'threshold'?"),
        ({"surrogate": "arctan"}, "surrogate.kind: 'arctan' is not one of atan"),
        ({"surrogate": {"alpha": -1}}, "surrogate.alpha: must be greater than 0, got -1"),
        ({"surrogate": 3}, "surrogate: must be a mapping of fields, got 3"),
    ],
)
def test_each_mistake_has_its_sentence(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        NeuronSpec.from_dict(fields)
    assert str(caught.value).startswith(message)
    assert len(caught.value.faults) == 1


def test_only_leaky_neurons_limit_tau() -> None:
    assert NeuronSpec.from_dict({"kind": "if", "tau": 0.1}).tau == 0.1
    assert NeuronSpec.from_dict({"kind": "lif", "tau": 1}).tau == 1.0


def test_surrogates_have_their_own_sharpness() -> None:
    assert Surrogate().alpha == 2.0
    assert Surrogate.from_dict({"kind": "sigmoid"}).alpha == 4.0
    assert Surrogate(kind="sigmoid", alpha=3.0).replace(kind="rectangle").alpha == 1.0
    assert NeuronSpec.from_dict({"surrogate": "triangle"}).surrogate.alpha == 1.0
    assert set(SURROGATE_ALPHAS) == set(get_args(SurrogateKind))
    for kind, alpha in SURROGATE_ALPHAS.items():
        assert Surrogate.from_dict({"kind": kind}).alpha == alpha


def test_only_plif_learns() -> None:
    assert {kind: neuron_params_count(kind) for kind in NEURON_KINDS} == {"lif": 0, "if": 0, "plif": 1}
