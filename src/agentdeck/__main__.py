"""`python -m agentdeck` is the command line."""

import sys

from agentdeck.cli.app import main

if __name__ == "__main__":
    sys.exit(main())
