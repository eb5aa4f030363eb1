"""A network as it is deployed: images or frames in, logits out, and optionally the spikes that each of them cost."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Protocol, Self

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from xoresnet.errors import UsageError
from xoresnet.network.block import ConvNorm
from xoresnet.network.xoresnet import XOResNet
from xoresnet.neurons.neuron import SpikingNeuron
from xoresnet.standalone.config import ModelConfig

if TYPE_CHECKING:
    from xoresnet.standalone.predictions import Predictions

__all__ = ["Standalone"]


class Source(Protocol):
    """One image or recording, not yet read if it is a file."""

    @property
    def name(self) -> str: ...

    def tensor(self) -> Tensor:
        """Image [C, H, W] in [0, 1], or frames [T, 2, H, W]. Raises `UsageError` and `DataError`."""


class Standalone(nn.Module):
    """Preprocessing, network and count in one module, in evaluation mode and without gradients.

    Takes images [N, C, H, W], floating-point numbers in [0, 1] or uint8 from 0 to 255, and returns logits
    [N, num_classes]; with `spikes`, also the number of spikes that all neuron layers emitted over all time steps for
    each image, [N]. A model of recordings takes frames [T, N, 2, H, W] instead, numbers of events, uint8 or floating
    point. Raises `UsageError` for input of another shape, type or range; what resampling adds at the ends of the range
    of images is accepted.
    """

    mean: Tensor
    std: Tensor
    config: ModelConfig | None = None
    """Its description, if it was loaded from a folder or is being exported."""

    def __init__(
        self,
        net: XOResNet,
        mean: Sequence[float],
        std: Sequence[float],
        *,
        spikes: bool = False,
        fold: bool = False,
        frames: bool = False,
    ) -> None:
        """net: is copied. mean, std: per channel, of images in [0, 1]. fold: merge batch norms into convolutions,
        which changes nothing but rounding. frames: whether it takes frames of recordings, not images.
        """
        super().__init__()
        self.net = deepcopy(net).cpu().float().eval().requires_grad_(False)
        for module in self.net.modules() if fold else ():
            if isinstance(module, ConvNorm):
                module.conv, module.norm = fuse_conv_bn_eval(module.conv, module.norm), nn.Identity()  # type: ignore[assignment]
        channels = net.arch.input_shape[0]
        self.register_buffer("mean", torch.tensor(mean).view(1, channels, 1, 1))
        self.register_buffer("std", torch.tensor(std).view(1, channels, 1, 1))
        self.eval()
        self.takes_frames = frames
        self._counts: list[Tensor] | None = [] if spikes else None
        for module in self.net.modules() if spikes else ():
            if isinstance(module, SpikingNeuron):
                module.register_forward_hook(self._count)

    @classmethod
    def of(cls, net: XOResNet, config: ModelConfig, *, spikes: bool = False, fold: bool = False) -> Self:
        """The model of a description, which it keeps in `config`."""
        data = config.data
        model = cls(net, data.mean, data.std, spikes=spikes, fold=fold, frames=data.frames is not None)
        model.config = config
        return model

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        if self._counts is not None:
            self._counts.clear()  # a pass of the inner network alone leaves counts behind
        logits: Tensor = self.net((self._checked(images) - self.mean) / self.std)
        if self._counts is None:
            return logits
        spikes = torch.stack(self._counts).sum(0)
        self._counts.clear()
        return logits, spikes

    def predict(self, images: Any, *, batch_size: int = 256) -> Predictions:
        """Class, probability and, if they are counted, spikes of images as people have them.

        images: the path of a file or of a folder of files; an image of Pillow; an array or a tensor of one image,
        [H, W], [C, H, W] or [H, W, C], or of many, [N, C, H, W] or [N, H, W, C]; or a list of any of these. Pixels are
        uint8 from 0 to 255 or floating-point numbers in [0, 1]. Images of another size or number of channels are fitted
        as the images of the data set were: scaled until they just cover the network's images, and cut to their centre;
        grey for colours, or the other way round. They are normalised here. batch_size: images that are decoded and go
        through the network at once, on the device of the model.

        A model of recordings takes, in place of images, the path of a recording (.npy, .bin, .aedat4) or of a folder of
        them; frames [T, 2, H, W] of one or [T, N, 2, H, W] of many; or a list of any of these.

        Raises `UsageError` for what is no image or out of range, and `DataError` for files that cannot be decoded.
        """
        if batch_size < 1:
            raise UsageError(f"batch_size must be at least 1, got {batch_size}")
        # NumPy and Pillow, which a model that is called does not need
        from xoresnet.standalone.predictions import Predictions

        sources = self._sources(images)
        logits, spikes = [], []
        for start in range(0, len(sources), batch_size):
            parts = [source.tensor() for source in sources[start : start + batch_size]]
            batch = torch.stack(parts, dim=1 if self.takes_frames else 0)
            output = self(batch.to(self.mean.device))
            logits.append(output[0] if isinstance(output, tuple) else output)
            if isinstance(output, tuple):
                spikes.append(output[1])
        numbers = map(str, range(self.net.arch.num_classes))
        return Predictions(
            names=tuple(source.name for source in sources),
            classes=self.config.data.classes if self.config is not None else tuple(numbers),
            probabilities=torch.cat(logits).float().softmax(1).cpu().numpy(),
            spikes=torch.cat(spikes).float().cpu().numpy() if spikes else None,
        )

    def _sources(self, given: Any) -> Sequence[Source]:
        shape = self.net.arch.input_shape
        if not self.takes_frames:
            from xoresnet.standalone.intake import intake

            return intake(given, shape)
        from xoresnet.standalone.event_intake import FrameShape, event_intake

        data = self.config.data if self.config is not None else None
        sensor = data.sensor if data is not None else None
        rule = data.frames if data is not None else None
        return event_intake(given, FrameShape(self.net.arch.timesteps, shape[1:], rule or "count", sensor or shape[1:]))

    def facts(self) -> dict[str, str]:
        """The metadata of a single file; `classes`, if they are known, is a JSON list."""
        arch = self.net.arch
        facts = {"arch_id": arch.arch_id, "timesteps": str(arch.timesteps)}
        return facts if self.config is None else {**facts, "classes": json.dumps(self.config.data.classes)}

    @property
    def counts_spikes(self) -> bool:
        """Whether `forward` returns spikes as well."""
        return self._counts is not None

    def _count(self, module: nn.Module, args: tuple[Tensor, ...], spikes: Tensor) -> None:
        if self._counts is not None:
            self._counts.append(spikes.sum((0, *range(2, spikes.dim()))))

    def _checked(self, images: Tensor) -> Tensor:
        """Images in [0, 1], or numbers of events, of the network's own type. Raises `UsageError`."""
        if not isinstance(images, Tensor):
            what = "frames" if self.takes_frames else "images"
            raise UsageError(f"expected a tensor of {what}, got {type(images).__name__}")
        if self.takes_frames:
            shape = (self.net.arch.timesteps, images.shape[1] if images.dim() > 1 else 0, *self.net.arch.input_shape)
            if not torch.compiler.is_exporting() and tuple(images.shape) != shape:
                steps, _, *size = shape
                expected = f"[{steps}, N, {', '.join(map(str, size))}]"
                raise UsageError(f"expected frames {expected}, got {list(images.shape)}")
            return _checked_frames(images, self.mean.dtype)
        return _checked_images(images, self.mean.dtype)


_assert_metadata = torch.ops.aten._assert_tensor_metadata.default
_MARGIN = 0.5
"""How far values may lie outside of [0, 1]: bicubic resampling overshoots. Normalised images reach further."""


def _checked_frames(frames: Tensor, dtype: torch.dtype) -> Tensor:
    if not (frames.is_floating_point() or frames.dtype == torch.uint8):
        kind = str(frames.dtype).removeprefix("torch.")
        raise UsageError(f"frames must be floating-point numbers or uint8, got {kind}")
    if torch.compiler.is_exporting():
        _assert_metadata(frames, dtype=dtype)
    if not torch.compiler.is_compiling() and frames.numel() and not (low := float(frames.min())) >= 0:  # also NaN
        reach = "there is NaN among these" if math.isnan(low) else f"these reach {low:g}"
        raise UsageError(f"frames are numbers of events, which cannot lie below 0, but {reach}")
    return frames.to(dtype)


def _checked_images(images: Tensor, dtype: torch.dtype) -> Tensor:
    if images.dtype == torch.uint8:
        return images.to(dtype) / 255
    if not images.is_floating_point():
        kind = str(images.dtype).removeprefix("torch.")
        raise UsageError(f"images must be floating-point numbers in [0, 1] or uint8 from 0 to 255, got {kind}")
    if torch.compiler.is_exporting():
        _assert_metadata(images, dtype=dtype)  # a graph would compute something from images of any type
    if not torch.compiler.is_compiling() and images.numel():  # a graph cannot look at values
        low, high = (float(end) for end in images.aminmax())
        if low < -_MARGIN or high > 1 + _MARGIN:
            rule = "images must lie in [0, 1] and are normalised by the model itself"
            raise UsageError(f"{rule}, but these range from {low:g} to {high:g}")
    return images.to(dtype)
