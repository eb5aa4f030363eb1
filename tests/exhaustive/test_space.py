"""What tests/space checks on samples, on whole spaces and on many more random ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.space.small_spaces import SmallSpace, small_spaces
from tests.space.test_cells import check_against_brute_force
from tests.space.test_duplicates import SPACES, check_told_apart
from tests.space.test_locate import check_located
from tests.space.test_optuna_adapter import check_parameters
from tests.space.test_reading import check_anything_read


@pytest.mark.parametrize("name", SPACES)
def test_descriptions_of_one_network_are_one_and_those_of_others_are_not(name: str) -> None:
    check_told_apart(SPACES[name].groups.values())


@settings(max_examples=1000)
@given(small_spaces(most=200))
def test_random_spaces_hold_what_brute_force_finds(small: SmallSpace) -> None:
    check_against_brute_force(small)


@settings(max_examples=500)
@given(small_spaces(most=100))
def test_whatever_a_network_is_called(small: SmallSpace) -> None:
    check_located(small)


@settings(max_examples=500)
@given(small_spaces(most=100))
def test_every_network_comes_back_from_its_parameters(small: SmallSpace) -> None:
    check_parameters(small)


@settings(max_examples=10_000)
@given(st.data())
def test_anything_gives_a_space_or_its_faults(data: st.DataObject) -> None:
    check_anything_read(data)
