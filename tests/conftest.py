"""What all tests share."""

import torch
from hypothesis import settings

# the tests' tensors are small: sharing them out between threads costs more than it saves, above all on a busy machine
torch.set_num_threads(1)

settings.register_profile("xoresnet", deadline=None)  # how long an example takes says something about the machine
settings.load_profile("xoresnet")
