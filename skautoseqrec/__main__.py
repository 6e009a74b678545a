"""``skautoseqrec`` and ``python -m skautoseqrec``: the command line, if click is installed."""

import sys
from importlib.util import find_spec


def main() -> None:
    """Run the command line, and exit."""
    if find_spec("click") is None:
        sys.exit("The command line needs click: pip install click.")
    try:
        from ._cli.running import run
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
