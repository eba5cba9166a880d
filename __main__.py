"""`python -m zkunlearn` is the command line."""

from .cli.program import main

if __name__ == "__main__":
    main(prog_name="zkunlearn")
