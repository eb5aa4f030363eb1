"""Which networks to try next, where, and when to stop."""

__all__: list[str] = []
