"""What several figures share: axes, palette, theme, symbols and lines."""
