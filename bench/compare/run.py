"""Dispatches `tools/bench compare`, `ab` and `report` to their modules."""

import sys


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "ab":
        import ab as module
    elif command == "report":
        import report_again as module
    else:
        import compare as module
    return module.main(arguments)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; what was measured is kept")
