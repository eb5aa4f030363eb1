"""The network itself: residual blocks built from a description, and the counting of their spikes."""
