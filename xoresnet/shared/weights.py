"""`SharedNetwork`: one set of weights for many architectures.

Merge, XOR placement and the number of blocks own no weights. So all networks with one stem, block, width, neuron and
number of time steps, a *group*, can read theirs from one set: block 2 of stage 1 has the same convolutions in every
network that has such a block. What a network is trained to while others train the same weights says how good it would
be alone (Guo et al. 2019, arXiv 1904.00420; Yu & Huang 2019, arXiv 1903.05134), for the price of a few networks instead
of all. (Time steps own no weights either. But what is hard to train with one time step looks easy with weights that
networks with four have trained: docs/shared.md.) `shared_training.py` trains them, `shared_prediction.py` reads
predictions off them.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from xoresnet.description.arch import Arch
from xoresnet.description.neuron_spec import NeuronSpec
from xoresnet.description.plan import ConvPlan
from xoresnet.description.schema import Spec
from xoresnet.network.block import ConvNorm
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import SpikingNeuron, make_neuron

if TYPE_CHECKING:
    from xoresnet.data.load import DataSet
    from xoresnet.shared.prediction import Prediction

__all__ = ["ArchSpace", "SharedNetwork", "WeightGroup", "groups_of"]


class WeightGroup(Spec):
    """What networks must agree in to share weights; hashable. `model_dump_json` and `from_dict` write and read it."""

    input_shape: tuple[int, int, int]
    num_classes: int
    stem: str
    block: str
    width: int
    neuron: NeuronSpec
    timesteps: int

    @classmethod
    def of(cls, arch: Arch) -> WeightGroup:
        """The group of a network, however it is described.

        >>> one = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, merge="add", timesteps=2)
        >>> WeightGroup.of(one) == WeightGroup.of(one.replace(depth=20, merge="or", xor="both"))
        True
        """
        canonical = arch.canonical()
        return cls(**{name: getattr(canonical, name) for name in cls.model_fields})

    @property
    def group_id(self) -> str:
        """Ten hexadecimal digits of the SHA-256 of the fields that have not their default value."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()[:10]

    def __str__(self) -> str:
        what = f"{self.stem}, {self.block}, width {self.width}, {self.neuron.kind}, T={self.timesteps}"
        return f"{what} ({self.group_id})"


def groups_of(archs: Iterable[Arch]) -> dict[WeightGroup, list[Arch]]:
    """Networks by group, each once and in canonical form, in the order given."""
    groups: dict[WeightGroup, dict[Arch, None]] = {}
    for arch in archs:
        canonical = arch.canonical()
        groups.setdefault(WeightGroup.of(canonical), {})[canonical] = None
    return {group: list(members) for group, members in groups.items()}


class ArchSpace(Protocol):
    """What networks there are; `xoresnet.space.SearchSpace` is one."""

    def contains(self, arch: Arch) -> bool: ...


class SharedNetwork:
    """Weights for every network of a space, each made when a network first needs it.

    A weight hangs on seed, group and its place in the network alone, not on which networks were asked for before: so
    groups can be trained in different processes.

    >>> shared = SharedNetwork(seed=0)
    >>> arch = Arch(input_shape=(1, 8, 8), num_classes=10, depth=8, width=4)
    >>> shallow, deep = shared.view(arch), shared.view(arch.replace(depth=14, merge="add"))
    >>> shallow.stages[0][0].convs[0].conv.weight is deep.stages[0][0].convs[0].conv.weight
    True
    """

    def __init__(self, space: ArchSpace | None = None, seed: int = 0, *, device: str | torch.device = "cpu") -> None:
        """space: whose networks it is for; None for any. seed: of the initial weights."""
        self.space, self.seed = space, seed
        self.device = torch.device(device)
        self._weights: dict[WeightGroup, dict[str, nn.Parameter]] = {}

    def view(self, arch: Arch) -> XOResNet:
        """The network of an architecture's canonical form, whose parameters *are* the shared ones.

        An ordinary network: what trains it trains them. Its buffers, batch norm's running statistics, are its own and
        as new, so that running it in whichever mode changes nothing that others see. Made anew at each call. Raises
        ValueError for a network that is not in the space.
        """
        arch = arch.canonical()
        if self.space is not None and not self.space.contains(arch):
            raise ValueError(f"{arch.arch_id} is no network of the space that these weights are for")
        with _without_draws():
            net = XOResNet(arch)
        weights = self._complete(net)
        for name, key in _keys(net).items():
            place, _, leaf = name.rpartition(".")
            setattr(net.get_submodule(place), leaf, weights[key])
        return net.to(self.device)

    def extract(self, arch: Arch) -> XOResNet:
        """As `view`, with weights of its own: a copy to train further."""
        return copy.deepcopy(self.view(arch))

    def evaluate(self, archs: Iterable[Arch], data: DataSet, **options: int) -> Iterator[Prediction]:
        """What the weights say of each architecture; `xoresnet.shared.prediction.predict`, with its options."""
        from xoresnet.shared.prediction import predict

        return predict(self, archs, data, **options)

    def parameters(self, group: WeightGroup) -> Mapping[str, nn.Parameter]:
        """The weights of a group that there are so far, by their place in the network."""
        return MappingProxyType(self._weights.get(group, {}))

    def state_dict(self, group: WeightGroup) -> dict[str, Tensor]:
        """The same without gradients."""
        return {key: weight.detach() for key, weight in self.parameters(group).items()}

    def load_state_dict(self, group: WeightGroup, weights: Mapping[str, Tensor]) -> None:
        """Put weights in the place of a group's present ones, of which views made before keep hold."""
        self._weights[group] = {key: nn.Parameter(value.to(self.device)) for key, value in weights.items()}

    def _complete(self, net: XOResNet) -> dict[str, nn.Parameter]:
        """The weights of a network's group, with all that the network needs among them."""
        group = WeightGroup.of(net.arch)
        weights = self._weights.setdefault(group, {})
        keys = _keys(net)
        for place, module in net.named_modules():
            make = _maker(module, net.arch)
            if make is None:
                continue
            mine = {f"{place}.{name}": name for name, _ in module.named_parameters()}
            missing = {keys[full]: name for full, name in mine.items() if keys[full] not in weights}
            if missing:
                first = min(keys[full] for full in mine)
                with _drawing_from(f"{self.seed} {group.group_id} {first}"):
                    fresh = make()
                for key, name in missing.items():
                    weights[key] = nn.Parameter(fresh.get_parameter(name).detach().to(self.device))
        return weights


def _keys(net: XOResNet) -> dict[str, str]:
    """For each parameter of a network the key of the shared one: its name, and its input for the read-out."""
    features = net.head.in_features
    return {
        name: name.replace("head.", f"head{features}.") if name.startswith("head.") else name
        for name, _ in net.named_parameters()
    }  # fmt: skip


def _maker(module: nn.Module, arch: Arch) -> Callable[[], nn.Module] | None:
    """How a part of a network with parameters is made, with its initial values; None for what has none or has parts."""
    match module:
        case ConvNorm(conv=conv):
            sizes = conv.in_channels, conv.out_channels, conv.kernel_size[0], conv.stride[0]
            return lambda: ConvNorm(ConvPlan(*sizes, in_size=(1, 1)))
        case SpikingNeuron():
            return lambda: make_neuron(arch.neuron)
        case nn.Linear(in_features=features):
            return lambda: nn.Linear(features, arch.num_classes)
        case _:
            return None


@contextmanager
def _drawing_from(text: str) -> Iterator[None]:
    """Random initial values follow from a text; torch's own generator stays as it is."""
    seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        yield


class _Undrawn(TorchFunctionMode):
    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.normal_, Tensor.uniform_):
            return args[0]
        return func(*args, **(kwargs or {}))


@contextmanager
def _without_draws() -> Iterator[None]:
    """Networks are made without their initial weights, which take most of the time and are replaced anyway."""
    with torch.random.fork_rng(devices=[]), _Undrawn():
        yield
