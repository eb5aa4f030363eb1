"""Which networks exist: spaces to search, counted, drawn from and written down.

>>> from random import Random
>>> from xoresnet.space import SearchSpace
>>> space = SearchSpace.preset("fashion-mnist")
>>> arch = space.sample(Random(0))
>>> space.contains(arch)
True
"""

from xoresnet.space.describe import Parameter
from xoresnet.space.domain import Choice, Domain, FloatRange, IntRange
from xoresnet.space.presets import preset_names, preset_text
from xoresnet.space.search_space import Constraints, SearchSpace
from xoresnet.space.stages import StageDomain

__all__ = [
    "Choice",
    "Constraints",
    "Domain",
    "FloatRange",
    "IntRange",
    "Parameter",
    "SearchSpace",
    "StageDomain",
    "preset_names",
    "preset_text",
]
