"""One file for each data set that `xoresnet.data.load` knows; `xoresnet/data.py` is the way in."""
