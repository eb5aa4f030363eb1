"""Residual spiking networks: describe one, build it, count its spikes.

>>> import xoresnet
>>> arch = xoresnet.Arch.baseline("xoresnet8", input_shape=(1, 8, 8), num_classes=10)
>>> arch.merge, arch.xor
('oa', 'middle')

Names are imported when they are first used, so that `import xoresnet` costs nothing and describing networks needs no
torch.
"""

from typing import TYPE_CHECKING

from xoresnet.lazy import lazily

if TYPE_CHECKING:
    from xoresnet.arch import Arch as Arch
    from xoresnet.arch import NeuronSpec as NeuronSpec
    from xoresnet.arch import Surrogate as Surrogate
    from xoresnet.arch import baseline_names as baseline_names
    from xoresnet.counts import Energy as Energy
    from xoresnet.data import DataSet as DataSet
    from xoresnet.data import load_data as load_data
    from xoresnet.exporting import export as export
    from xoresnet.memory import hold_freed_memory as hold_freed_memory
    from xoresnet.model import load_model as load_model
    from xoresnet.network import XOResNet as XOResNet
    from xoresnet.neuron import IF as IF
    from xoresnet.neuron import LIF as LIF
    from xoresnet.neuron import ParametricLIF as ParametricLIF
    from xoresnet.neuron import integrate_fire as integrate_fire
    from xoresnet.neuron import lif as lif
    from xoresnet.neuron import plif as plif
    from xoresnet.recipe import Recipe as Recipe
    from xoresnet.schema import SpecError as SpecError
    from xoresnet.shared import SharedNetwork as SharedNetwork
    from xoresnet.shared_training import SharedTraining as SharedTraining
    from xoresnet.spikes import count_spikes as count_spikes
    from xoresnet.table import layer_table as layer_table
    from xoresnet.table import summary as summary
    from xoresnet.training import fit as fit

_HOMES = {
    "Arch": "arch",
    "DataSet": "data",
    "Energy": "counts",
    "IF": "neuron",
    "LIF": "neuron",
    "NeuronSpec": "arch",
    "ParametricLIF": "neuron",
    "Recipe": "recipe",
    "SharedNetwork": "shared",
    "SharedTraining": "shared_training",
    "SpecError": "schema",
    "Surrogate": "arch",
    "XOResNet": "network",
    "baseline_names": "arch",
    "count_spikes": "spikes",
    "export": "exporting",
    "hold_freed_memory": "memory",
    "integrate_fire": "neuron",
    "fit": "training",
    "layer_table": "table",
    "lif": "neuron",
    "load_data": "data",
    "load_model": "model",
    "plif": "neuron",
    "summary": "table",
}

__all__ = sorted(_HOMES)

__getattr__, __dir__ = lazily(__name__, _HOMES)
