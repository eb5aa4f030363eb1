from __future__ import annotations

import pytest
import torch

from xoresnet.description.recipe import Recipe
from xoresnet.errors import SpecError


@pytest.mark.parametrize("steps", [10, 101, 1000])
def test_one_cycle_is_that_of_torch(steps: int) -> None:
    recipe = Recipe(learning_rate=0.3)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.3, total_steps=steps, cycle_momentum=False)
    for step in range(steps):
        assert recipe.learning_rate_at(step, steps) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9, abs=1e-12)
        optimizer.step()
        if step + 1 < steps:
            theirs.step()


def test_cosine_is_that_of_torch() -> None:
    recipe = Recipe(learning_rate=0.3, schedule="cosine")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 50)
    for step in range(50):
        assert recipe.learning_rate_at(step, 50) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimizer.step()
        theirs.step()


def test_warm_up_rises_to_the_top() -> None:
    recipe = Recipe(learning_rate=1.0, schedule="constant", epochs=10, warmup_epochs=1.0)
    rates = [recipe.learning_rate_at(step, 100) for step in range(100)]
    assert rates[:10] == pytest.approx([(step + 1) / 11 for step in range(10)])
    assert set(rates[10:]) == {1.0}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epoch": 3}, "epoch: unknown field; did you mean 'epochs'?"),
        ({"epochs": 0}, "epochs: must be at least 1, got 0"),
        ({"optimizer": "adam"}, "optimizer: 'adam' is not one of adamw, sgd; did you mean 'adamw'?"),
        ({"learning_rate": "fast"}, "learning_rate: must be a number, got 'fast'"),
        ({"batch_size": 1}, "batch_size: must be at least 2, got 1"),
        ({"seed": 2**32}, f"seed: must be less than {2**32}, got {2**32}"),
        ({"learning_rate": 0}, "learning_rate: must be greater than 0, got 0"),
        ({"momentum": 1.0}, "momentum: must be less than 1, got 1.0"),
        ({"weight_decay": -0.1}, "weight_decay: must be at least 0, got -0.1"),
        ({"warmup_epochs": 2.0}, "warmup_epochs: must be 0 with schedule one-cycle, got 2"),
        ({"schedule": "cosine", "warmup_epochs": 20.0}, "warmup_epochs: must be less than the 20 epochs, got 20"),
        ({"loss": "mse"}, "loss: 'mse' is not one of mean-logits, tet"),
        ({"flip": "yes"}, "flip: must be true or false, got 'yes'"),
        ({"cutout": -1}, "cutout: must be at least 0, got -1"),
    ],
)
def test_each_mistake_has_its_sentence(fields: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError) as caught:
        Recipe.from_dict(fields)
    assert str(caught.value) == message
