"""tools/setup says what it will do before it does it, shows what failed, and helps where it cannot install."""
import os
import pathlib
import shutil
import subprocess

SETUP = pathlib.Path(__file__).resolve().parents[2] / "tools/setup"


def setup(path, *arguments):
    return subprocess.run([shutil.which("bash"), SETUP, *arguments], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
                          timeout=60)


def put(folder, name, text):
    (folder / name).write_text(f"#!/bin/sh\n{text}\n")
    (folder / name).chmod(0o755)


def test_an_unknown_distribution_is_told_the_libraries(tmp_path):
    for name in ("bash", "dirname", "basename", "sed", "cat"):
        (tmp_path / name).symlink_to(shutil.which(name))
    done = setup(str(tmp_path), "run")
    assert done.returncode == 1 and "nothing was installed" in done.stdout
    assert all(library in done.stdout for library in ("liburing", "simdjson", "toml++", "ISA-L", "GoogleTest"))


def test_it_says_what_it_will_install_and_shows_what_failed(tmp_path):
    put(tmp_path, "dpkg-query", "exit 1")
    put(tmp_path, "apt-get", 'echo "E: no package source answers"; exit 100')
    put(tmp_path, "sudo", 'exec "$@"')
    done = setup(f"{tmp_path}:{os.environ['PATH']}", "run")
    assert done.returncode == 1
    assert done.stdout.startswith("setup: going to install: g++ meson")
    assert "E: no package source answers" in done.stderr and "check the network" in done.stderr
