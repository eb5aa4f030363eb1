"""`Format`: what `export` and the model card need to know of a file format. Each module of `formats/` defines one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol

from torch import Tensor

from xoresnet.errors import ExportError
from xoresnet.standalone.module import Standalone

__all__ = ["Example", "Format", "Sample"]


class Sample(NamedTuple):
    """What a model takes, for the code in its card."""

    shape: str
    """`1, C, H, W` of one image, or `T, 1, 2, H, W` of the frames of one recording."""
    is_frames: bool = False

    @property
    def name(self) -> str:
        return "frames" if self.is_frames else "images"

    @property
    def torch(self) -> str:
        """A random one, as an expression of torch."""
        return f"torch.poisson(torch.full(({self.shape}), 0.3))" if self.is_frames else f"torch.rand({self.shape})"

    @property
    def numpy(self) -> str:
        """A random one, as an expression of NumPy, float32."""
        drawn = f"np.random.poisson(0.3, ({self.shape}))" if self.is_frames else f"np.random.rand({self.shape})"
        return f"{drawn}.astype(np.float32)"

    @property
    def comment(self) -> str:
        return "events in each frame" if self.is_frames else "in [0, 1]"


class Example(Protocol):
    """Code that loads the file and runs it on one sample. spikes: whether it returns their count."""

    def __call__(self, sample: Sample, *, spikes: bool) -> str: ...


@dataclass(frozen=True)
class Format:
    """One kind of single file in which a model can leave this project."""

    name: str
    """Also the suffix of its files."""
    write: Callable[[Standalone, Path], None]
    """Writes a model into a file, as a whole. Raises `UnsupportedError` for networks that the format cannot express."""
    run: Callable[[Path, Tensor], tuple[Tensor, ...]]
    """What a file returns for images [N, C, H, W] in [0, 1], or frames [T, N, 2, H, W]: logits [N, classes], and the
    spikes of each image [N] if it counts them."""
    example: Example
    packages: tuple[str, ...] = ()
    """Modules that writing and running need, besides torch."""
    returns_spikes: bool = True
    """Whether its files return the spikes of each image, where the model counts them."""
    every_network: bool = True
    """Whether it can express every network."""
    output: str = ""
    """What its files return, where that differs from the other formats; `{classes}` stands for the number of them."""

    @property
    def file(self) -> str:
        """The name of its file in a model's folder."""
        return f"model.{self.name}"

    @property
    def place_in_list(self) -> tuple[bool, int, str]:
        """By which formats are listed: those for every network first, and among these, those that need least."""
        return not self.every_network, len(self.packages), self.name

    def check_installed(self) -> None:
        """Raises `ExportError`, with the cause, if a package that the format needs cannot be imported."""
        for package in self.packages:
            try:
                import_module(package)
            except ImportError as error:
                needed = " ".join(self.packages)
                raise ExportError(f"writing .{self.name} needs pip install {needed}: {error}") from error
