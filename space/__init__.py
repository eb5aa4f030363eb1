"""Which networks exist: search spaces that can be counted, sampled, and read from and written to YAML.

>>> from random import Random
>>> from xoresnet.space import SearchSpace
>>> space = SearchSpace.preset("fashion-mnist")
>>> arch = space.sample(Random(0))
>>> space.contains(arch)
True

Names are imported when they are first used; only `suggest`, `from_parameters` and `distributions` import Optuna.
"""

from typing import TYPE_CHECKING

from xoresnet.errors import YamlError as YamlError
from xoresnet.lazy import lazily

if TYPE_CHECKING:
    from xoresnet.space.baseline_networks import baselines as baselines
    from xoresnet.space.cells import Size as Size
    from xoresnet.space.constraints import Constraints as Constraints
    from xoresnet.space.describe import Parameter as Parameter
    from xoresnet.space.domain import Choice as Choice
    from xoresnet.space.domain import Domain as Domain
    from xoresnet.space.domain import FloatRange as FloatRange
    from xoresnet.space.domain import IntRange as IntRange
    from xoresnet.space.optuna_adapter import distributions as distributions
    from xoresnet.space.optuna_adapter import from_parameters as from_parameters
    from xoresnet.space.optuna_adapter import suggest as suggest
    from xoresnet.space.presets import preset_names as preset_names
    from xoresnet.space.presets import preset_text as preset_text
    from xoresnet.space.search_space import SearchSpace as SearchSpace
    from xoresnet.space.stages import StageDomain as StageDomain
    from xoresnet.space.walk import parameters_of as parameters_of

_HOMES = {
    "Choice": "domain",
    "Constraints": "constraints",
    "Domain": "domain",
    "FloatRange": "domain",
    "IntRange": "domain",
    "Parameter": "describe",
    "SearchSpace": "search_space",
    "Size": "cells",
    "StageDomain": "stages",
    "baselines": "baseline_networks",
    "distributions": "optuna_adapter",
    "from_parameters": "optuna_adapter",
    "parameters_of": "walk",
    "preset_names": "presets",
    "preset_text": "presets",
    "suggest": "optuna_adapter",
}

__all__ = sorted([*_HOMES, "YamlError"])

__getattr__, __dir__ = lazily(__name__, _HOMES)
