"""Types of arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

IntArray = NDArray[np.int64]


OutputRows = NDArray[Any] | list[NDArray[Any]]
"""One array a row: the first dimension of an array, or a list where shapes differ."""


FloatArray = NDArray[np.float64]


Vectors = NDArray[np.float32]
