"""Which network next, and for how long: the rules that open, pause and resume networks."""
