"""Options and fixtures of the integration tests."""

import pathlib

import pytest

from support import echo_plan
from support.gate import BINARY, Gate


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="run the whole echo matrix instead of a sample")


def pytest_configure(config):
    if not pathlib.Path(BINARY).is_file():
        pytest.exit(f"there is no gate at {BINARY}; run tools/build first", returncode=1)


def pytest_report_header(config):
    return f"gate: {BINARY}"


def pytest_terminal_summary(terminalreporter):
    for line in echo_plan.summary():
        terminalreporter.write_line(f"echo matrix, {line}")


@pytest.fixture(scope="module")
def gate():
    """A gate with default limits on two shards, shared by the tests of one file."""
    with Gate(shards=2) as running:
        yield running
