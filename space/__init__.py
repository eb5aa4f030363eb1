"""Which networks exist: the search space."""

__all__: list[str] = []
