"""`help` of a description fits a screen and explains every field."""

from __future__ import annotations

import inspect

import pytest

from xoresnet import Arch, NeuronSpec, Recipe
from xoresnet.description.schema import Spec
from xoresnet.search import SearchConfig


@pytest.mark.parametrize("description", [Arch, NeuronSpec, Recipe, SearchConfig])
def test_signatures_are_short_and_complete(description: type[Spec]) -> None:
    signature = inspect.signature(description)
    assert list(signature.parameters) == list(description.model_fields)
    assert len(str(signature)) < 600
    for name, field in description.model_fields.items():
        assert (signature.parameters[name].default is inspect.Parameter.empty) == field.is_required()


@pytest.mark.parametrize("description", [Arch, NeuronSpec, Recipe, SearchConfig])
def test_every_field_is_explained(description: type[Spec]) -> None:
    text = inspect.getdoc(description) or ""
    for name, field in description.model_fields.items():
        assert f"\n{name}: " in text
        if field.description:
            assert " ".join(field.description.split())[:40] in " ".join(text.split())
    assert "Validator" not in text
    assert "Annotated" not in text


def test_texts() -> None:
    text = inspect.getdoc(Arch) or ""
    assert "width: int = 16\n" in text
    assert "block: 'basic' | 'bottleneck' = 'basic'\n" in text
    assert str(inspect.signature(Arch)).startswith("(*, input_shape, num_classes, stem='conv3', block='basic', depth,")
    assert "neuron=NeuronSpec()" in str(inspect.signature(Arch))
