"""The chaos harness: real nodes, real faults, histories that are checked. See ../README.md."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# One way to start swarmds and to wait for things, shared with the demo and the bench.
sys.path.insert(0, str(ROOT / "tools"))
