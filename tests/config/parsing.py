"""Command lines as the tests of options parse them."""

import pytest
from graph_barlow_twins.pretrain.config.command_line import (
    CommandLineParser,
    add_arguments,
    options_from,
)
from graph_barlow_twins.pretrain.config.options import PretrainConfig
from graph_barlow_twins.pretrain.errors import InputError

OUTPUT = ["--output", "out"]


def build_parser(kind=PretrainConfig, **options):
    parser = CommandLineParser()
    add_arguments(parser, kind, **options)
    return parser


def parse_args(argv, kind=PretrainConfig, from_file=True):
    return options_from(build_parser(kind, from_file=from_file).parse_args(argv), kind)


def refused(message, function, *args, **kwargs):
    with pytest.raises(InputError, match=message) as caught:
        function(*args, **kwargs)
    assert "\n" not in str(caught.value)
