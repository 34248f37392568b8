"""``python -m txnats.demo``."""

import sys

from txnats.demo.main import main

if __name__ == "__main__":
    sys.exit(main())
