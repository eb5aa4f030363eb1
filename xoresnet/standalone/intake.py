"""Images as people have them, files, arrays or Pillow's, made into what a network takes.

They are scaled and cut as the readers of image files do (`data/reading/image_files.py`): in proportion until they just
cover the network's height and width, by Pillow's bilinear filter, and the centre counts. Colours become grey, and grey
becomes three equal channels, where the network needs it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from xoresnet.data.reading.image_files import covering, decode, fitted, list_images
from xoresnet.errors import UsageError
from xoresnet.files.places import as_url, is_url, local_path
from xoresnet.plain_text import shown

__all__ = ["Intake", "intake"]

Shape = tuple[int, int, int]
_GREY = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""What red, green and blue contribute to grey, as in Pillow (ITU-R 601-2)."""
_ROUNDING = 1e-6


class Intake(NamedTuple):
    """One image, not yet read if it is a file."""

    name: str
    source: Any
    shape: Shape
    """Of the images that the network takes."""

    def tensor(self) -> Tensor:
        """float32 [C, H, W] in [0, 1]. Raises `UsageError` and `DataError`."""
        if isinstance(self.source, Path):
            return _scaled(decode(self.source, self.shape))
        if isinstance(self.source, np.ndarray):
            return _of_array(self.source, self.shape, self.name)
        return _scaled(fitted(self.source, self.shape, f"image {self.name}"))


def intake(images: Any, shape: Shape) -> list[Intake]:
    """The images that are meant, in their order; files are not read. Raises `UsageError` for anything else.

    images: the path of a file, or of a folder for all image files in it; an image of Pillow; an array or tensor,
    [H, W], [C, H, W] or [H, W, C] for one image, [N, C, H, W] or [N, H, W, C] for many; or a list of any of these.
    shape: of the images that the network takes.
    """
    found = [Intake(name or str(number), source, shape) for number, (name, source) in enumerate(_listed(images))]
    if not found:
        raise UsageError("no images were given")
    return found


def _listed(images: Any) -> Iterator[tuple[str, Any]]:
    """Each image with the name of its file, empty for others."""
    if isinstance(images, str | Path):
        if is_url(images):
            raise UsageError(f"{as_url(images)} is a URL, but images are read from files of this machine")
        yield from _files(local_path(images, "image"))
    elif isinstance(images, Tensor | np.ndarray):
        array = _array(images) if isinstance(images, Tensor) else images
        yield from (("", one) for one in (array if array.ndim == 4 else [array]))
    elif _is_pillow(images):
        yield "", images
    elif isinstance(images, Iterable) and not isinstance(images, bytes | dict):
        for each in images:
            yield from _listed(each)
    else:
        known = "paths, arrays, tensors and images of Pillow"
        raise UsageError(f"images must be {known}, or lists of them, got {type(images).__name__}")


def _array(images: Tensor) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = (images.float() if images.is_floating_point() else images).detach().cpu().numpy()
    return found  # NumPy has no bfloat16


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_dir():
        files = list_images(path)
        if not files:
            raise UsageError(f"{path} contains no images")
        yield from ((str(file), file) for file in files)
    elif path.exists():
        yield str(path), path
    else:
        raise UsageError(f"there is no file {path}")


def _is_pillow(image: Any) -> bool:
    """Without importing Pillow: whoever has such an image has imported it."""
    return any(kind.__module__ == "PIL.Image" and kind.__name__ == "Image" for kind in type(image).__mro__)


def _scaled(pixels: np.ndarray[Any, Any]) -> Tensor:
    return torch.tensor(np.ascontiguousarray(pixels)).float() / 255  # a copy: Pillow's pixels cannot be written


def _of_array(array: np.ndarray[Any, Any], shape: Shape, name: str) -> Tensor:
    channels_last = _channels_last(array, name)
    if array.dtype == np.uint8:
        return _scaled(_of_bytes(channels_last, shape, name))
    if not np.issubdtype(array.dtype, np.floating):
        rule = "must be uint8 from 0 to 255 or floating-point numbers in [0, 1]"
        raise UsageError(f"image {name}: pixels {rule}, got {array.dtype}")
    low, high = (float(end) for end in (array.min(), array.max()))
    if not (low >= -_ROUNDING and high <= 1 + _ROUNDING):  # also NaN
        rule = "floating-point pixels must lie in [0, 1]"
        if math.isnan(low):
            raise UsageError(f"image {name}: {rule}, but there is NaN among these")
        remedy = "; divide them by 255, or convert them to uint8" if 1 < high <= 255 and low >= 0 else ""
        raise UsageError(f"image {name}: {rule}, but these range from {low:g} to {high:g}{remedy}")
    return _of_floats(channels_last.astype(np.float32), shape, name)


def _channels_last(array: np.ndarray[Any, Any], name: str) -> np.ndarray[Any, Any]:
    """[H, W, C] with one or three channels; transparency is left out. Raises `UsageError`."""
    if array.ndim == 2:
        array = array[:, :, None]
    elif array.ndim == 3 and array.shape[0] in (1, 3):
        array = array.transpose(1, 2, 0)
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or not array.size:
        known = "[H, W], [C, H, W] or [H, W, C] with 1 or 3 channels; many images are [N, C, H, W] or [N, H, W, C]"
        raise UsageError(f"image {name}: an image is {known}, got {shown(list(array.shape))}")
    return array[:, :, :3]


def _of_bytes(pixels: np.ndarray[Any, Any], shape: Shape, name: str) -> np.ndarray[Any, Any]:
    from PIL import Image  # files need it too, but tensors of the right shape do not

    if pixels.transpose(2, 0, 1).shape == shape:
        return pixels.transpose(2, 0, 1)
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))
    return fitted(image, shape, f"image {name}")


def _of_floats(pixels: np.ndarray[Any, Any], shape: Shape, name: str) -> Tensor:
    """As for bytes, without rounding to them."""
    channels, height, width = shape
    if channels == 1 and pixels.shape[2] == 3:
        pixels = (pixels @ _GREY)[:, :, None]
    planes = [pixels[:, :, place] for place in range(pixels.shape[2])]
    if pixels.shape[:2] != (height, width):
        from PIL import Image

        flat = [Image.fromarray(np.ascontiguousarray(plane)) for plane in planes]
        planes = [np.asarray(covering(plane, height, width, f"image {name}")) for plane in flat]
    return torch.from_numpy(np.stack(planes * (channels // len(planes)))).clamp(0, 1)
