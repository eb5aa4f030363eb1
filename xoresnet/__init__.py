"""Residual spiking networks: describe one, build it, train it, count its spikes.

>>> import xoresnet
>>> arch = xoresnet.Arch.baseline("xoresnet8", input_shape=(1, 8, 8), num_classes=10)
>>> arch.merge, arch.xor
('oa', 'middle')

Names are imported when they are first used, so that `import xoresnet` is quick and describing networks needs no torch.
"""

from typing import TYPE_CHECKING

from xoresnet.lazy import lazily

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet as DataSet
    from xoresnet.data.load import data_status as data_status
    from xoresnet.data.load import load_data as load_data
    from xoresnet.data.spec import DataSpec as DataSpec
    from xoresnet.description.arch import Arch as Arch
    from xoresnet.description.arch import baseline_names as baseline_names
    from xoresnet.description.hardware import HardwareLayer as HardwareLayer
    from xoresnet.description.hardware import HardwareUsage as HardwareUsage
    from xoresnet.description.hardware import hardware_layers as hardware_layers
    from xoresnet.description.hardware import hardware_usage as hardware_usage
    from xoresnet.description.layer_table import layer_table as layer_table
    from xoresnet.description.layer_table import summary as summary
    from xoresnet.description.merge import Join as Join
    from xoresnet.description.merge import Merge as Merge
    from xoresnet.description.merge import Operation as Operation
    from xoresnet.description.merge import UserOperation as UserOperation
    from xoresnet.description.neuron_spec import NeuronSpec as NeuronSpec
    from xoresnet.description.neuron_spec import Surrogate as Surrogate
    from xoresnet.description.recipe import Recipe as Recipe
    from xoresnet.energy.models import energy_figures as energy_figures
    from xoresnet.errors import CheckpointError as CheckpointError
    from xoresnet.errors import ClusterError as ClusterError
    from xoresnet.errors import DataError as DataError
    from xoresnet.errors import DivergenceError as DivergenceError
    from xoresnet.errors import ExportError as ExportError
    from xoresnet.errors import Fault as Fault
    from xoresnet.errors import ModelError as ModelError
    from xoresnet.errors import NoModelError as NoModelError
    from xoresnet.errors import NoRunError as NoRunError
    from xoresnet.errors import RunError as RunError
    from xoresnet.errors import SpecError as SpecError
    from xoresnet.errors import TrainingError as TrainingError
    from xoresnet.errors import UnsupportedError as UnsupportedError
    from xoresnet.errors import UntrustedCodeError as UntrustedCodeError
    from xoresnet.errors import UsageError as UsageError
    from xoresnet.errors import XOResNetError as XOResNetError
    from xoresnet.errors import YamlError as YamlError
    from xoresnet.measures.figures import Energy as Energy
    from xoresnet.models import load_model as load_model
    from xoresnet.network.count_spikes import count_spikes as count_spikes
    from xoresnet.network.xoresnet import XOResNet as XOResNet
    from xoresnet.neurons.neuron import IF as IF
    from xoresnet.neurons.neuron import LIF as LIF
    from xoresnet.neurons.neuron import ParametricLIF as ParametricLIF
    from xoresnet.neurons.neuron import SpikingNeuron as SpikingNeuron
    from xoresnet.neurons.neuron import integrate_fire as integrate_fire
    from xoresnet.neurons.neuron import lif as lif
    from xoresnet.neurons.neuron import plif as plif
    from xoresnet.shared.prediction import predict as predict
    from xoresnet.shared.training import SharedTraining as SharedTraining
    from xoresnet.shared.weights import SharedNetwork as SharedNetwork
    from xoresnet.shared.weights import groups_of as groups_of
    from xoresnet.standalone.config import ModelConfig as ModelConfig
    from xoresnet.standalone.export import export as export
    from xoresnet.standalone.predictions import Predictions as Predictions
    from xoresnet.training.fit import Training as Training
    from xoresnet.training.fit import fit as fit
    from xoresnet.training.memory import hold_freed_memory as hold_freed_memory
    from xoresnet.version import __version__ as __version__

_HOMES = {
    "Arch": "description.arch",
    "CheckpointError": "errors",
    "ClusterError": "errors",
    "DataError": "errors",
    "DataSet": "data.load",
    "DataSpec": "data.spec",
    "DivergenceError": "errors",
    "Energy": "measures.figures",
    "ExportError": "errors",
    "Fault": "errors",
    "HardwareLayer": "description.hardware",
    "HardwareUsage": "description.hardware",
    "IF": "neurons.neuron",
    "Join": "description.merge",
    "LIF": "neurons.neuron",
    "Merge": "description.merge",
    "ModelConfig": "standalone.config",
    "ModelError": "errors",
    "NeuronSpec": "description.neuron_spec",
    "NoModelError": "errors",
    "NoRunError": "errors",
    "Operation": "description.merge",
    "ParametricLIF": "neurons.neuron",
    "Recipe": "description.recipe",
    "Predictions": "standalone.predictions",
    "RunError": "errors",
    "SharedNetwork": "shared.weights",
    "SharedTraining": "shared.training",
    "SpecError": "errors",
    "SpikingNeuron": "neurons.neuron",
    "Surrogate": "description.neuron_spec",
    "Training": "training.fit",
    "TrainingError": "errors",
    "UnsupportedError": "errors",
    "UntrustedCodeError": "errors",
    "UsageError": "errors",
    "UserOperation": "description.merge",
    "XOResNet": "network.xoresnet",
    "XOResNetError": "errors",
    "YamlError": "errors",
    "__version__": "version",
    "baseline_names": "description.arch",
    "count_spikes": "network.count_spikes",
    "data_status": "data.load",
    "energy_figures": "energy.models",
    "export": "standalone.export",
    "fit": "training.fit",
    "groups_of": "shared.weights",
    "hardware_layers": "description.hardware",
    "hardware_usage": "description.hardware",
    "hold_freed_memory": "training.memory",
    "integrate_fire": "neurons.neuron",
    "layer_table": "description.layer_table",
    "lif": "neurons.neuron",
    "load_data": "data.load",
    "load_model": "models",
    "plif": "neurons.neuron",
    "predict": "shared.prediction",
    "summary": "description.layer_table",
}

__all__ = sorted(name for name in _HOMES if not name.startswith("__"))

__getattr__, __dir__ = lazily(__name__, _HOMES)
