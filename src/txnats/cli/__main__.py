"""``python -m txnats.cli``."""

from . import main

if __name__ == "__main__":
    main()
