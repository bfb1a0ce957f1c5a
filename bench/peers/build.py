"""Builds the peers into build/peers/NAME, each at its pinned version.

usage: build.py [NAME...]          build all, or the named
       build.py --check [NAME...]  and prove that each that could be built echoes (check.py)

What is current is left alone. A peer that cannot be built here is listed with the reason, kept in build/peers/NAME/failed.
Exit code: 0 if what was named, or at least the ceilings, is there and right; 1 if not; 64 for wrong use.
"""

import os
import sys
import time

import check
import recipes
from peers import PEERS


def build(peer):
    """Returns the reason why the peer could not be built, or None."""
    recipe = recipes.RECIPES[peer.name]
    try:
        stamp = recipe.stamp()
        if recipes.read_stamp(peer) == stamp:
            print(f"{peer.name}: current ({peer.version()})", flush=True)
            return None
        started = time.monotonic()
        print(f"{peer.name}: building", flush=True)
        recipe.build(peer, stamp)
        print(f"{peer.name}: built in {time.monotonic() - started:.0f} s ({peer.version()})", flush=True)
        return None
    except recipes.BuildFailed as error:
        recipes.record_failure(peer, str(error))
        print(f"{peer.name}: {error}", flush=True)
        return str(error)


def main(arguments):
    with_check = "--check" in arguments
    names = [each for each in arguments if each != "--check"]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        print(f"unknown: {' '.join(unknown)}; there are {' '.join(PEERS)}", file=sys.stderr)
        return 64
    chosen = [PEERS[name] for name in names or PEERS]
    failures = {peer.name: reason for peer in chosen if (reason := build(peer))}
    wrong = []
    if with_check:
        wrong = [peer.name for peer in chosen if peer.name not in failures and not check.check(peer)]
    for name, reason in failures.items():
        print(f"NOT BUILT {name}: {reason}")
    if wrong:
        print(f"WRONG: {' '.join(wrong)}")
    needed = names or [peer.name for peer in PEERS.values() if peer.kind == "ceiling"]
    return 1 if wrong or any(name in failures for name in needed) else 0


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1:]))
