"""The promises of speed, each as a ratio taken in one run. `make bench` prints the table and writes it down."""

import sys
from pathlib import Path

# Screens are measured on the platform that the end-to-end tests start: pytest finds its harness by `pythonpath`, and
# here there is no pytest.
sys.path.append(str(Path(__file__).parents[1] / "tests" / "e2e"))
