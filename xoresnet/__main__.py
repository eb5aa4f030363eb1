"""`python -m xoresnet`: the command line."""

from xoresnet.search.cli import run

if __name__ == "__main__":
    run()
