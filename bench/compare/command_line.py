"""What the commands of bench/compare share: usage faults end with 64, and lines are named as lines.py names them."""

import argparse
import resource

import lines


class Parser(argparse.ArgumentParser):
    """Ends with 64 on a usage fault, as our other tools do."""

    def __init__(self, **options):
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message):
        self.exit(64, f"{self.prog}: {message}; see {self.prog} --help\n")


def add_line_option(parser, default):
    parser.add_argument(
        "--line",
        action="append",
        default=[],
        metavar="NAME",
        choices=list(lines.LINES),
        help=f"a line, such as {lines.JUDGED[0]}; repeatable (default {default})",
    )


def positive(kind):
    def convert(text):
        value = kind(text)
        if not value > 0:
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    convert.__name__ = kind.__name__
    return convert


def raise_descriptor_limit():
    """Servers and loads inherit what we are allowed."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
