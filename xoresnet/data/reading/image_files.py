"""Image files: which there are, and how one is decoded to a fixed shape."""

from __future__ import annotations

import math
import struct
import warnings
from contextlib import nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from xoresnet.data.reading.file_list import FileKind, files_below
from xoresnet.data.reading.loader import require
from xoresnet.errors import DataError
from xoresnet.limits import MOST_IMAGE_PIXELS, MOST_PIXELS_AT_ONCE, MOST_SIDE

__all__ = [
    "IMAGES",
    "covering",
    "decode",
    "fitted",
    "image_shape",
    "is_converted",
    "list_images",
]

IMAGES = FileKind("images", frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".webp"}))
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "WEBP")
_GREY_MODES = frozenset({"1", "L", "LA"})
_COLOUR_MODES = frozenset({"CMYK", "P", "PA", "RGB", "RGBA", "YCbCr"})
_LARGE = Lock()
"""Held while a large image is decoded, so that threads do not each hold one."""


def image_shape(path: Path) -> tuple[int, int, int]:
    """Channels (1 or 3), height and width of an image file. Raises `DataError`."""
    with _opened(path) as image:
        if max(image.size) > MOST_SIDE:
            sides = f"{image.width:,} x {image.height:,} pixels"
            raise DataError(
                f"{path} is {sides}, too large as the size of a network's images ({MOST_SIDE:,} x {MOST_SIDE:,}): "
                "give image_size=[HEIGHT,WIDTH]"
            )
        return 1 if image.mode in _GREY_MODES else 3, image.height, image.width


def is_converted(path: Path, channels: int) -> bool:
    """Whether an image file has colours and is read in grey (1), or the reverse (3); only its header is read.

    Raises `DataError`.
    """
    with _opened(path) as image:
        return (image.mode in _GREY_MODES) != (channels == 1)


def decode(path: Path, shape: tuple[int, int, int]) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """One image as uint8 [C, H, W].

    The image is scaled in proportion until it just covers height and width (Pillow's bilinear filter, which averages
    when it shrinks), and its centre is cut out. Raises `DataError` that names the file.
    """
    try:
        with _opened(path) as image:
            return fitted(image, shape, path)
    except (OSError, SyntaxError, ValueError, EOFError, struct.error, MemoryError) as error:
        raise _undecodable(path, error) from error


def fitted(image: Any, shape: tuple[int, int, int], where: Path | str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """An image of Pillow as `decode` returns it; where: its name in messages.

    Raises `DataError` for more than 8 bits per channel, and for one that is too long to be cut.
    """
    channels, height, width = shape
    _check_mode(image, where)
    size = _scaled_size(where, image.size, height, width)
    with _LARGE if math.prod(image.size) + math.prod(size) > MOST_PIXELS_AT_ONCE else nullcontext():
        # through RGBA, because Pillow warns about converting transparent palettes directly
        opaque = image.convert("RGBA") if "transparency" in image.info else image
        cut = covering(opaque.convert("L" if channels == 1 else "RGB"), height, width, where)
    return np.asarray(cut, dtype=np.uint8).reshape(height, width, channels).transpose(2, 0, 1)


def covering(image: Any, height: int, width: int, where: Path | str) -> Any:
    """An image of Pillow, scaled until it just covers height and width, of which the centre is cut out."""
    size = _scaled_size(where, image.size, height, width)
    scaled = image if size == image.size else image.resize(size, _pillow().Resampling.BILINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return scaled.crop((left, top, left + width, top + height))


def _pillow() -> Any:
    pillow = require("PIL.Image", "reading images")
    _ignore(pillow.DecompressionBombWarning)  # our own limit is lower
    return pillow


@cache
def _ignore(category: type[Warning]) -> None:
    warnings.filterwarnings("ignore", category=category)


def _scaled_size(path: Path | str, size: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Width and height to which an image is scaled. Raises `DataError` where they are too large for memory."""
    scale = max(height / size[1], width / size[0])
    scaled = max(width, round(size[0] * scale)), max(height, round(size[1] * scale))
    if math.prod(scaled) > MOST_IMAGE_PIXELS:
        raise DataError(
            f"{path} is {size[0]:,} x {size[1]:,} pixels, too long to be cut to {width} x {height}: "
            f"it would be scaled to {scaled[0]:,} x {scaled[1]:,}"
        )
    return scaled


def _opened(path: Path) -> Any:
    """The image, of which only the header is read. Raises `DataError`, also for one that is too large."""
    pillow = _pillow()
    try:
        image = pillow.open(path, formats=_FORMATS)
    except FileNotFoundError:
        raise DataError(f"{path} is missing") from None
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        raise DataError(f"{path} has more than the {MOST_IMAGE_PIXELS:,} pixels that are decoded") from None
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise _undecodable(path, error) from error
    if math.prod(image.size) > MOST_IMAGE_PIXELS:
        image.close()
        sides = f"{image.width:,} x {image.height:,} pixels"
        raise DataError(f"{path} is {sides}, more than the {MOST_IMAGE_PIXELS:,} that are decoded")
    try:
        _check_mode(image, path)
    except DataError:
        image.close()
        raise
    return image


def _check_mode(image: Any, where: Path | str) -> None:
    """Raises `DataError`."""
    if image.mode not in _GREY_MODES | _COLOUR_MODES:
        raise DataError(f"{where} has pixels of mode {image.mode}; only images of 8 bits per channel are supported")


def _undecodable(path: Path, error: Exception) -> DataError:
    if isinstance(error, DataError):
        return error
    # Pillow's own message for unknown content repeats the path
    reason = f"it is none of {', '.join(_FORMATS)}" if str(path) in str(error) else error
    reason = "there is not enough memory" if isinstance(error, MemoryError) else reason
    return DataError(f"{path} cannot be decoded as an image: {reason}")


def list_images(folder: Path) -> list[Path]:
    """All image files in a folder and below, by their paths; hidden ones are ignored."""
    return sorted(folder / path for path in files_below(folder, folder, IMAGES) if IMAGES.is_one(path))
