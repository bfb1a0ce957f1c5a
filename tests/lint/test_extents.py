"""tools/test --list: every extent of the tests names its steps, and each holds all of the smaller one."""
import pathlib
import subprocess

import pytest

TEST = pathlib.Path(__file__).resolve().parents[2] / "tools/test"


def steps(*arguments):
    done = subprocess.run([TEST, "--list", *arguments], capture_output=True, text=True, check=False, timeout=60)
    # A step that calls what is not defined ends with 127 and a word on stderr.
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(("extent", "smaller"), [((), ()), (("--full",), ()), (("--long",), ("--full",))])
def test_an_extent_holds_the_smaller_one(extent, smaller):
    listed = steps(*extent)
    assert set(steps(*smaller)) <= set(listed)
    assert "build release" in listed
    assert "release integration" in listed
    assert len(set(listed)) == len(listed)


def test_full_adds_the_sanitizers_and_long_their_integration():
    assert {"neon", "build fuzz", "fuzz smoke", "build tsan"} <= set(steps("--full")) - set(steps())
    assert {"fuzz integration"} == set(steps("--long")) - set(steps("--full"))


def test_quick_is_one_build_and_its_programs():
    assert steps("--quick") == ["setup", "build release", "release unit sim replay"]
