# SPDX-License-Identifier: Apache-2.0
"""Makes the modules of scripts/ importable."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / 'scripts'))
