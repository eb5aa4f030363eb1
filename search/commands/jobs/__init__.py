"""The work of the commands that train, once their arguments are understood."""
