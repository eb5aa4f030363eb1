"""Energy beyond additions: what a network's counts cost by several documented models. Imports no torch.

`work.py` tells what a network does for a sample; `memory.py` and `chips.py` say what that costs, and `twin.py` what the
same layers with ReLU in place of neurons would cost. All are estimates from constants; nothing was measured on a chip.
"""
