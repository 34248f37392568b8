"""The command ``txnats``: see what is said, say something, look after streams, buckets and services."""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point. Exit status 0 for success, 1 for a failure, 2 for wrong usage, 130 for Ctrl-C in the midst."""
    try:
        try:
            import click  # noqa: F401, PLC0415
            import rich  # noqa: F401, PLC0415
        except ImportError as missing:
            sys.exit(f"txnats: the command line needs {missing.name} (pip install 'txnats[cli]')")
        from .app import main as run  # noqa: PLC0415
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run())
