"""Dispatches `tools/bench compare`, `ab` and `report` to their modules."""

import signal
import sys


def interrupt(*_):
    """SIGTERM as Ctrl-C: whatever runs is unwound, so that no server outlives the run that started it."""
    raise KeyboardInterrupt


def main():
    signal.signal(signal.SIGTERM, interrupt)
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "ab":
        import ab

        return ab.main(arguments)
    import compare

    return compare.rerender(arguments) if command == "report" else compare.main(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; what was measured is kept")
