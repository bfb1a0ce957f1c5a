"""tools/lint on small repositories: each check passes what is good, and can fail."""
import os
import pathlib
import shutil
import subprocess

import pytest

LINT = pathlib.Path(__file__).resolve().parents[2] / "tools/lint"
OCTET = "oct" + "et"
DECISION = "# 1: why\n## Context\n## Decision\n## Measured\n## Cost\n## Revisit when\n"
TIDY = "clang-tidy-19"

# check, file, good text, bad text, what is said of the bad one
CASES = [
    ("conflicts", "README.md", "Heading\n=======\n", "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> topic\n", "README.md:2: a merge"),
    ("conflicts", "src/ws/a.cc", "int a;\n", "int a;\n>>>>>>> topic\n", "src/ws/a.cc:2: a merge"),
    ("words", "docs/a.md", f"bytes; RFC 6455: \"{OCTET}\"; application/{OCTET}-stream\n", f"one {OCTET}s more\n", "docs/a.md:1: say byte"),
    ("pages", "docs/a.md", "# A page\n[a](a.md#a-page) [b](https://h/b)\n", "[b](b.md)\n", "docs/a.md:1: there is no b.md"),
    ("pages", "README.md", "# One `two`: 3\n[b](#one-two-3)\n", "# One\n[b](#two)\n", "README.md:2: README.md has no heading for #two"),
    ("pages", "docs/decisions/1.md", DECISION, DECISION.replace("Cost", "Price"), "docs/decisions/1.md:1: a decision has the headings"),
    ("floors", "src/ws/a.cc", '#include "http/uri.h"\n', '#include "conn/outbox.h"\n', "src/ws/a.cc:1: ws/ stands on floor 3"),
    ("floors", "src/http/a.h", '#include "base/time.h"\n', '#include "device/map.h"\n', "src/http/a.h:1: http/ stands on floor 2"),
    ("floors", "include/ringgate/a.h", '#include "ringgate/b.h"\n', '#include "base/time.h"\n', "a.h:1: a public header includes base/"),
    ("floors", "src/base/a.cc", "int a;\n", '#include "server/shard.h"\n', "base/ stands on floor 1"),
    ("floors", "src/ws/b.cc", "int a;\n", None, ""),
    ("shell", "tools/a", "#!/bin/sh\necho \"$1\"\n", "#!/bin/sh\necho $1\n", "SC2086"),
    ("python", "a.py", "print(1)\n", "import os\nprint(1)\n", "F401"),
    ("format", "src/a.cc", "int a = 1;\n", "int   a=1;\n", "+int a = 1;"),
]


@pytest.fixture
def repository(tmp_path):
    def git(*arguments):
        subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@t", *arguments], cwd=tmp_path, check=True, capture_output=True)

    git("init", "--initial-branch=main")
    git("commit", "--allow-empty", "-m", "empty")

    def put(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        git("add", "--all")

    def lint(*arguments):
        environment = {**os.environ, "LINT_REPOSITORY": str(tmp_path)}
        return subprocess.run([LINT, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=120)

    put.lint, put.folder = lint, tmp_path
    return put


@pytest.mark.parametrize("check, name, good, bad, said", CASES)
def test_a_check_passes_the_good_and_fails_the_bad(repository, check, name, good, bad, said):
    repository(name, good)
    passed = repository.lint(check)
    assert passed.returncode == 0, passed.stdout + passed.stderr
    if bad is not None:
        repository(name, bad)
        failed = repository.lint(check)
        assert failed.returncode == 1 and said in failed.stdout, failed.stdout + failed.stderr


def test_a_folder_without_a_floor_is_a_fault(repository):
    repository("src/attic/a.cc", "int a;\n")
    failed = repository.lint("floors")
    assert failed.returncode == 1 and "src/attic has no floor" in failed.stdout


@pytest.mark.skipif(shutil.which(TIDY) is None, reason=f"{TIDY} is not installed")
def test_clang_tidy_finds_a_use_after_a_move(repository):
    text = "#include <string>\n#include <utility>\nstd::string f(std::string a) {{ std::string b = std::move(a); return {}; }}\n"
    compile_commands = '[{"directory": "%s", "file": "src/a.cc", "command": "c++ -std=c++20 -c src/a.cc"}]' % repository.folder
    repository("build/debug/compile_commands.json", compile_commands)
    for returned, code in (("b", 0), ("b + a", 1)):
        repository("src/a.cc", text.format(returned))
        finished = repository.lint("tidy")
        assert finished.returncode == code, finished.stdout + finished.stderr
    assert "bugprone-use-after-move" in finished.stdout


def test_an_unknown_check_is_bad_usage(repository):
    assert repository.lint("spelling").returncode == 64
