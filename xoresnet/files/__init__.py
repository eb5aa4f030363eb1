"""Files on disk, whatever they are about: atomic replacement, YAML and JSON texts."""
