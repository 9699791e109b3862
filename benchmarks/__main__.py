"""`python -m benchmarks`: see `run.py`."""

import asyncio
import sys

from benchmarks.run import main

sys.exit(asyncio.run(main()))
