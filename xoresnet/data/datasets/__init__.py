"""One file for each data set that `xoresnet.data` knows; `xoresnet/data.py` is the way in."""
