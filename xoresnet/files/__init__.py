"""Files on disk, whatever their contents: atomic replacement, YAML and JSON texts."""
