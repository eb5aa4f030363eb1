"""Spiking neurons: equations, surrogate gradients and the kernels that compute them."""
