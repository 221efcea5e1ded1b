"""`python -m graph_barlow_twins.pretrain`: the command line."""

import sys

from .cli.main import main

if __name__ == "__main__":
    sys.exit(main())
