"""What came out of a search."""

__all__: list[str] = []
