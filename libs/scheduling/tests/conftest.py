"""Makes `scheduling_worlds` importable: with importmode=importlib a tests folder is not on the path."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
