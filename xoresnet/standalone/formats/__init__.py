"""File formats in which a model can leave this project: each module of this folder defines one as `FORMAT`."""
