"""`python -m graph_barlow_twins.pretrain`: the command line."""

from .cli.main import command

if __name__ == "__main__":
    command()
