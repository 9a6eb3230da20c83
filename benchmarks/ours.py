"""The product's command line, for an environment in which its script may not be on the path."""

import sys

from pitcall.command_line import main

if __name__ == "__main__":
    sys.exit(main())
