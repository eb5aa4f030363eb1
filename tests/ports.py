"""Ports for servers that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

__all__ = ["free_port"]

_PORTS = range(24_000, 32_768)
"""Above those of Ray's workers (10002 to 19999) and of its servers for clients (from 23000 on); Linux gives others
(32768 and more) to those who ask for any."""


def free_port() -> int:
    """A port of this machine that nobody uses. No connection takes it either before the server has started."""
    numbers = random.SystemRandom()  # tests may have seeded the other one, alike in two processes
    while True:
        port = numbers.choice(_PORTS)
        with suppress(OSError), socket.socket() as free:
            free.bind(("127.0.0.1", port))
            return port
