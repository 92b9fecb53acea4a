#!/usr/bin/env python3
"""The same as `python -m pipeline verify`, for guides and cron lines that name a script."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pipeline.cli.app import main

sys.argv.insert(1, "verify")
main()
