"""How a command ends when it can't do what was asked."""

from __future__ import annotations

__all__ = ["CommandError"]


class CommandError(Exception):
    """One sentence for the user: what, where, the rule, the nearest right spelling."""

    def __init__(self, message: str, *, exit_code: int = 1) -> None:
        """exit_code: 1 for what failed, 2 for what was asked wrongly."""
        super().__init__(message)
        self.exit_code = exit_code
