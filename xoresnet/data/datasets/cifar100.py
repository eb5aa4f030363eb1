"""`cifar100`: 60,000 colour photographs of 32 x 32 pixels in 100 classes (`reading/cifar_batches.py`)."""

from __future__ import annotations

from xoresnet.data.reading.cifar_batches import CifarLayout, cifar_loader

__all__ = ["CIFAR100", "LOADER"]

CIFAR100 = CifarLayout(
    folder="cifar-100-python",
    archive="cifar-100-python.tar.gz",
    num_classes=100,
    labels_key="fine_labels",
    meta="meta",
    names_key="fine_label_names",
    train=("train",),
    test=("test",),
    originals={
        "meta": (0, "7973b15100ade9c7d40fb424638fde48"),
        "train": (50_000, "16019d7e3df5f24257cddd939b257f8d"),
        "test": (10_000, "f0ef6b0ae62326f3e7ffdfab6717acfc"),
    },
)

LOADER = cifar_loader("cifar100", CIFAR100)
