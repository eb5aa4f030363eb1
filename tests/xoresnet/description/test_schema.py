from __future__ import annotations

import pytest

from xoresnet.description.schema import Spec, nearest
from xoresnet.errors import Fault, SpecError


class _Spec(Spec):
    size: int = 1


def test_nearest_spelling() -> None:
    assert nearest("Midle", ["middle", "entry"]) == "; did you mean 'middle'?"
    assert nearest("zzz", ["middle", "entry"]) == ""


def test_keys_must_be_strings() -> None:
    with pytest.raises(SpecError, match="1: field names must be strings"):
        _Spec.from_dict({1: 2})  # type: ignore[dict-item]


def test_pydantics_own_entrance_reports_the_same() -> None:
    with pytest.raises(ValueError, match="unknown field; did you mean 'size'"):
        _Spec.model_validate({"sise": 2})


def test_fault_reads_as_a_sentence() -> None:
    assert str(Fault("a.b", "must be 1, got 2")) == "a.b: must be 1, got 2"
    assert str(SpecError([Fault("", "no"), Fault("a", "wrong")])) == "no; a: wrong"
