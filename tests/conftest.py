"""What all tests share."""

import torch

# the tests' tensors are small: sharing them out between threads costs more than it saves, above all on a busy machine
torch.set_num_threads(1)
