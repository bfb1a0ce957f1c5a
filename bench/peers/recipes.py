"""How each peer is built: one recipe per language. Used by build.py.

Invariant: build/peers/NAME/ready exists only after a whole build whose server was seen to start and to end.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import elf
import peers

SOURCES = pathlib.Path(__file__).resolve().parent
STEP_SECONDS_MAX = 1200


class BuildFailed(Exception):
    pass


def read_stamp(peer):
    try:
        return (peer.folder / "ready").read_text()
    except FileNotFoundError:
        return ""


def record_failure(peer, reason):
    peer.folder.mkdir(parents=True, exist_ok=True)
    (peer.folder / "ready").unlink(missing_ok=True)
    (peer.folder / "failed").write_text(reason + "\n")


def run(command, peer, folder, environment=None):
    """Runs one step; its output goes to build.log, whose last telling line is the reason of a failure."""
    log = peer.folder / "build.log"
    with open(log, "ab") as output:
        output.write(f"$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        try:
            subprocess.run(list(map(str, command)), cwd=folder, env={**os.environ, **(environment or {})}, check=True,
                           stdin=subprocess.DEVNULL, stdout=output, stderr=output, timeout=STEP_SECONDS_MAX)
        except FileNotFoundError:
            raise BuildFailed(f"{command[0]} is not installed") from None
        except subprocess.TimeoutExpired:
            raise BuildFailed(f"{command[0]} took longer than {STEP_SECONDS_MAX} s; see {log}") from None
        except subprocess.CalledProcessError:
            raise BuildFailed(f"{command[0]} failed: {telling_line(log)}; see {log}") from None


def telling_line(log):
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return next((line for line in reversed(lines) if "error" in line.lower()), lines[-1])


def output_of(command):
    """What a command says, or '' if it is not there."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=SOURCES).stdout.strip()
    except FileNotFoundError:
        return ""


def first_number(text):
    found = re.search(r"\d+(\.\d+)+", text)
    return found.group() if found else "?"


class Recipe:
    """sources: the files a build depends on, relative to bench/peers; tool: a command whose words identify the toolchain."""

    def __init__(self, folder, tool):
        self.source = SOURCES / folder
        self.tool = tool

    def stamp(self):
        digest = hashlib.sha256(repr([self.source.name, self.tool]).encode())
        digest.update(pathlib.Path(__file__).read_bytes())
        digest.update(output_of(self.tool).encode())
        for path in sorted(self.source.rglob("*")):
            if path.is_file():
                digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()

    def build(self, peer, stamp):
        peer.folder.mkdir(parents=True, exist_ok=True)
        for name in ("ready", "failed", "build.log", "start.log"):
            (peer.folder / name).unlink(missing_ok=True)
        self.make(peer)
        (peer.folder / "version").write_text(self.version(peer) + "\n")
        try:
            with peers.running(peer, dict(os.environ), peer.folder / "start.log"):
                pass
        except (peers.DidNotStart, subprocess.TimeoutExpired) as error:
            raise BuildFailed(f"does not run here: {error}") from None
        (peer.folder / "ready").write_text(stamp)

    def copy_sources(self, peer):
        """Into the build folder, for tools that write beside their sources."""
        shutil.copytree(self.source, peer.folder, dirs_exist_ok=True)


class Native(Recipe):
    """C and C++: one compiler call."""

    def __init__(self, folder, main, libraries=(), version=lambda: "", compiler="g++", standard="-std=c++20"):
        super().__init__(folder, (compiler, "--version"))
        self.main = main
        self.libraries = tuple(libraries)
        self.compiler = compiler
        self.standard = standard
        self.library_version = version

    def stamp(self):
        return hashlib.sha256((self.library_version() + "/" + super().stamp()).encode()).hexdigest()

    def make(self, peer):
        run([self.compiler, self.standard, "-O3", "-march=native", "-flto", "-DNDEBUG", "-Wall", "-Wextra",
             "-o", peer.folder / "server", self.source / self.main, *self.libraries, "-pthread"], peer, SOURCES)

    def version(self, _peer):
        return self.library_version()


class Go(Recipe):
    def __init__(self, folder, module):
        super().__init__(folder, ("go", "version"))
        self.module = module

    def make(self, peer):
        # v3: as -march=native elsewhere, as far as Go knows it.
        environment = {"GOAMD64": "v3", "GOFLAGS": "", "CGO_ENABLED": "0"}
        flags = ("-buildvcs=false", "-trimpath", "-mod=readonly")
        run(["go", "build", *flags, "-o", peer.folder / "server", "."], peer, self.source, environment)

    def version(self, _peer):
        pinned = re.search(re.escape(self.module) + r" (v\S+)", (self.source / "go.mod").read_text())
        return f"{pinned.group(1)}, Go {first_number(output_of(self.tool))}"


class Node(Recipe):
    def __init__(self, folder, package):
        super().__init__(folder, ("node", "--version"))
        self.package = package

    def make(self, peer):
        self.copy_sources(peer)
        (peer.folder / peers.PRELOAD).unlink(missing_ok=True)
        run(["npm", "ci", "--no-fund", "--no-audit"], peer, peer.folder)

        self.adapt(peer)

    def adapt(self, peer):
        """What is left to do before the server can start."""

    def version(self, peer):
        installed = json.loads((peer.folder / "node_modules" / self.package / "package.json").read_text())
        return f"{installed['version']}, Node.js {first_number(output_of(self.tool))}"


class UWebSocketsJs(Node):
    """The package's binaries are linked with glibc 2.38 for the sake of three functions; older systems get them from isoc23.c."""

    def adapt(self, peer):
        package = peer.folder / "node_modules" / self.package
        try:
            run(["node", "-e", f"require({json.dumps(str(package))})"], peer, peer.folder)
        except BuildFailed as error:
            if "GLIBC_2.38" not in (peer.folder / "build.log").read_text(errors="replace"):
                raise
            abi = output_of(("node", "-p", "process.versions.modules"))
            machine = output_of(("node", "-p", "process.arch"))
            if elf.weaken(package / f"uws_linux_{machine}_{abi}.node", "GLIBC_2.38") == 0:
                raise BuildFailed("its binary has no version to be weakened") from error
            shim = peer.folder / peers.PRELOAD
            run(["gcc", "-O2", "-shared", "-fPIC", "-o", shim, self.source / "isoc23.c"], peer, peer.folder)


class Bun(Node):
    """npm brings Bun's binary; it is its own package manager and runtime from then on."""

    def version(self, peer):
        return super().version(peer).split(",")[0]


class Rust(Recipe):
    def __init__(self, folder, crate):
        super().__init__(folder, ("rustc", "--version"))
        self.crate = crate

    def make(self, peer):
        self.copy_sources(peer)
        environment = {"RUSTFLAGS": "-C target-cpu=native", "CARGO_TARGET_DIR": str(peer.folder / "target")}
        run(["cargo", "build", "--release", "--quiet"], peer, peer.folder, environment)
        shutil.copy2(peer.folder / "target" / "release" / "server", peer.folder / "server")

    def version(self, _peer):
        pinned = re.search(re.escape(self.crate) + r'.*?"=([^"]+)"', (self.source / "Cargo.toml").read_text())
        return f"{pinned.group(1)}, Rust {first_number(output_of(self.tool))}"


def compiler_version():
    return f"g++ {first_number(output_of(('g++', '-dumpfullversion')))}"


def boost_version():
    try:
        header = pathlib.Path("/usr/include/boost/version.hpp").read_text()
        number = int(re.search(r"define BOOST_VERSION (\d+)", header).group(1))
        return f"{number // 100000}.{number // 100 % 1000}.{number % 100}, {compiler_version()}"
    except FileNotFoundError:
        return ""


def package_version(name):
    return output_of(("pkg-config", "--modversion", name)).rstrip("-")


RECIPES = {
    "raw_epoll": Native("raw", "raw_epoll.cc", version=compiler_version),
    "raw_uring": Native("raw", "raw_uring.cc", ["-luring"],
                        version=lambda: f"liburing {package_version('liburing')}, {compiler_version()}"),
    "gorilla": Go("gorilla", "github.com/gorilla/websocket"),
    "gws": Go("gws", "github.com/lxzan/gws"),
    "uwebsockets_js": UWebSocketsJs("uwebsockets_js", "@btc-vision/uwebsockets.js"),
    "ws": Node("ws", "ws"),
    "bun": Bun("bun", "@oven/bun-linux-x64"),
    "fastwebsockets": Rust("fastwebsockets", "fastwebsockets"),
    "sockudo_ws": Rust("sockudo_ws", "sockudo-ws"),
    "tokio_tungstenite": Rust("tokio_tungstenite", "tokio-tungstenite"),
    "beast": Native("beast", "main.cc", version=boost_version),
    "libwebsockets": Native("libwebsockets", "main.cc", ["-lwebsockets"],
                            version=lambda: package_version("libwebsockets")),
}
