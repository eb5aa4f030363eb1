"""The scales of objectives."""

from __future__ import annotations

import numpy as np
import pytest

from xoresnet.search.strategy.scales import Scales, kind_of


@pytest.mark.parametrize(
    ("metric", "values", "kind"),
    [
        ("val_accuracy", [0.1, 0.9], "share"),
        ("val_accuracy", [10.0, 90.0], "percent"),
        ("spikes_per_sample", [0.0, 5000.0], "amount"),
        ("val_loss", [-1.0, 3.0], "plain"),
        (None, [0.1, 0.9], "share"),
        (None, [3.0, 500.0], "amount"),
        (None, [3.0, 5.0], "plain"),
        (None, [-3.0, 500.0], "plain"),
        (None, [float("nan")], "share"),
    ],
)
def test_kinds(metric: str | None, values: list[float], kind: str) -> None:
    assert kind_of(metric, np.array(values)) == kind


def test_losses_and_back() -> None:
    scales = Scales(("share", "amount", "plain"), np.array([-1.0, 1.0, -1.0]), np.array([1.0, 1.0, 4.0]), np.ones(3))
    values = np.array([[0.9, 100.0, 2.0], [0.5, 1000.0, -2.0], [1.0, 0.0, 0.0]])
    losses = scales.losses(values)
    assert losses[:2] == pytest.approx(np.array([[-np.log(9), 2, -2], [0, 3, 2]]))
    measured = scales.measured(losses)
    assert measured == pytest.approx(np.array([[-0.9, 2, -2], [-0.5, 3, 2], [-0.999, 0, 0]]))
    assert scales.slack == pytest.approx([0.003, 0.01, 0.012])
    assert (scales.priors > 0).all()


def test_percents_are_measured_as_shares() -> None:
    scales = Scales(("percent",), np.array([-1.0]), np.array([80.0]), np.ones(1))
    assert scales.measured(scales.losses(np.array([[75.0]]))) == pytest.approx(np.array([[-0.75]]))


def test_a_share_that_is_minimised() -> None:
    scales = Scales(("share",), np.array([1.0]), np.array([1.0]), np.ones(1))
    losses = scales.losses(np.array([[0.2], [0.4]]))
    assert losses[0, 0] < losses[1, 0]
    assert scales.measured(losses) == pytest.approx(np.array([[0.2], [0.4]]))
