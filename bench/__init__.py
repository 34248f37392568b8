"""The benchmark: txnats beside other NATS clients, in interleaved rounds.

``python -m bench`` from the root of the checkout; ``python -m bench --help`` says the rest.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# The checkout is what is measured, whether or not another txnats is installed.
sys.path.insert(0, str(ROOT / "src"))
