from __future__ import annotations

import sys
from pathlib import Path

# The scripts find each other in the folder in which they lie.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
