"""The data sets: each module of this folder lists its own in `LOADERS`, and `xoresnet.data.load` collects them."""
