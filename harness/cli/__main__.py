"""``python -m harness.cli``: the same as the command ``harness``."""

import sys

from harness.cli.main import main

sys.exit(main())
