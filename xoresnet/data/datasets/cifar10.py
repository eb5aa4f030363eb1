"""`cifar10`: 60,000 colour photographs of 32 x 32 pixels in 10 classes (`reading/cifar_batches.py`)."""

from __future__ import annotations

from xoresnet.data.reading.cifar_batches import CifarLayout, cifar_loader

__all__ = ["CIFAR10", "LOADER"]

CIFAR10 = CifarLayout(
    folder="cifar-10-batches-py",
    archive="cifar-10-python.tar.gz",
    num_classes=10,
    labels_key="labels",
    meta="batches.meta",
    names_key="label_names",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    originals={
        "batches.meta": (0, "5ff9c542aee3614f3951f8cda6e48888"),
        "data_batch_1": (10_000, "c99cafc152244af753f735de768cd75f"),
        "data_batch_2": (10_000, "d4bba439e000b95fd0a9bffe97cbabec"),
        "data_batch_3": (10_000, "54ebc095f3ab1f0389bbae665268c751"),
        "data_batch_4": (10_000, "634d18415352ddfa80567beed471001a"),
        "data_batch_5": (10_000, "482c414d41f54cd18b22e5b47cb7c3cb"),
        "test_batch": (10_000, "40351d587109b95175f43aff81a1287e"),
    },
)

LOADER = cifar_loader("cifar10", CIFAR10)
