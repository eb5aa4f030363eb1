"""The largest sizes that are accepted, in one place: each is checked before anything of that size is made.

They are far above what spiking networks and their data need, and exist so that a small file or a typing error cannot
cost gigabytes or hours. docs/limits.md lists them with what is checked; `tests/xoresnet/test_limits.py` compares.
"""

from __future__ import annotations

__all__ = [
    "MOST_ARCHIVE_BYTES",
    "MOST_BATCH",
    "MOST_CELLS",
    "MOST_CHANNELS",
    "MOST_CHOICES",
    "MOST_CLASSES",
    "MOST_COUNT",
    "MOST_EPOCHS",
    "MOST_ERROR_CHARACTERS",
    "MOST_EVENTS",
    "MOST_FAULTS",
    "MOST_FILE_BYTES",
    "MOST_IMAGE_PIXELS",
    "MOST_NUMBER",
    "MOST_PARAMS",
    "MOST_PIXELS_AT_ONCE",
    "MOST_RANGE_VALUES",
    "MOST_SAMPLES",
    "MOST_SEEDS",
    "MOST_SHOWN_CHARACTERS",
    "MOST_SIDE",
    "MOST_TABLE_BYTES",
    "MOST_TABLE_VALUES",
    "MOST_TEXT_BYTES",
    "MOST_THREADS",
    "MOST_TIMESTEPS",
    "MOST_TRIALS",
    "MOST_WIDTH",
    "MOST_YAML_DEPTH",
    "MOST_YAML_VALUES",
]

# networks
MOST_TIMESTEPS = 10_000
MOST_WIDTH = 8_192
"""Channels of the first stage."""
MOST_SIDE = 4_096
"""Height and width of the images that a network sees, in pixels."""
MOST_CHANNELS = 4_096
"""Channels of the images that a network sees."""
MOST_CLASSES = 100_000
MOST_PARAMS = 2**31
"""Trainable parameters of one network, 8 GiB in fp32."""

# training and search
MOST_EPOCHS = 1_000_000
MOST_BATCH = 1_000_000
"""Images per batch."""
MOST_TRIALS = 10_000_000
MOST_SEEDS = 1_000
"""Seeds of a confirmation, for each network, and sets of shared weights."""
MOST_SAMPLES = 100_000
"""Networks that `xoresnet space --sample` draws at once."""
MOST_THREADS = 1_024
"""CPU threads of one training."""
MOST_COUNT = 1_000_000
"""Retries, paused networks, processors, predicted networks, and the counts of a pruner."""

# spaces
MOST_CHOICES = 1_000
"""Options of one field."""
MOST_NUMBER = 10**18
"""The bounds and the step of a range, and the limits of constraints."""
MOST_RANGE_VALUES = 100_000
"""Values of one range."""
MOST_CELLS = 200_000
"""Combinations of stem, depth, width, time steps and neuron; the time to count a space grows with them."""

# files
MOST_TEXT_BYTES = 4 * 2**20
"""A YAML or JSON file of settings, a network's description or a model's."""
MOST_YAML_VALUES = 20_000
"""Values of a YAML text with its aliases written out."""
MOST_YAML_DEPTH = 50
"""Lists and mappings within each other in a YAML text."""
MOST_IMAGE_PIXELS = 89_000_000
"""One image file, and one image while it is scaled to the size of the network's input; Pillow warns above that."""
MOST_PIXELS_AT_ONCE = 16_000_000
"""Larger images are decoded one at a time, smaller ones in parallel."""
MOST_FILE_BYTES = 2**30
"""One uncompressed file of a data set (a CIFAR batch, an IDX file)."""
MOST_ARCHIVE_BYTES = 2**36
"""A downloaded archive of recordings; that of CIFAR10-DVS has about 8 GB."""
MOST_EVENTS = 2**26
"""Events of one recording."""
MOST_TABLE_BYTES = 2**31
"""One table of a run, uncompressed."""
MOST_TABLE_VALUES = 250_000_000
"""Rows times columns of one table of a run."""

# messages
MOST_SHOWN_CHARACTERS = 120
"""One value in a message."""
MOST_ERROR_CHARACTERS = 2_000
"""One message."""
MOST_FAULTS = 20
"""Faults of one description that are printed."""
