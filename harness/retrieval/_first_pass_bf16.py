"""Half-precision operands for a first pass over inner products, and how far the products can be from the truth.

Sentence vectors of encoders share a large common part: their cosines differ in the third decimal, where bf16 ends. So
the common part is taken out: with a centre c, ``x.y = (x-c).(y-c) + c.(x-c) + c.(y-c) + c.c``. The first term is
small and rounds well; the next two are added inside the product, as two numbers (high and low part) in further
columns; the last is a constant, returned as the offset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ROWS = 1 << 12
"""Rows that are rounded at a time, so that no second copy of the vectors in fp32 is made."""


def halve(
    x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor], float]:
    """``(x', y', (ex, ey), offset)``: bf16 operands (n, d + 4), (m, d + 4) with ``x'y'.T + offset`` close to ``x y.T``.

    ``ex`` (n,) bounds the difference for every row of x, ``ey`` (m,) for every row of y, measured on the vectors
    themselves (Cauchy-Schwarz); the rounding of the product to bf16 comes on top.
    """
    centre = (x.mean(0) + y.mean(0)) / 2
    d = x.shape[1]
    left, (x_error, x_norm, x_shift) = _operand(x, centre, slice(d, d + 2))
    right, (y_error, y_norm, y_shift) = _operand(y, centre, slice(d + 2, d + 4))
    # What fp32 sums can lose here: the products, the shifts, and the sums within the shifts (twice that, to be safe).
    largest_x, largest_y = x_norm.max(), y_norm.max()
    sums = largest_x * largest_y + 2 * centre.norm() * (largest_x + largest_y)
    lost = sums * (2 * (d + 8) * 2.0**-24)
    ex = x_error * largest_y + x_norm * y_error.max() + x_shift + y_shift.max() + lost
    ey = y_error * largest_x + y_norm * x_error.max() + y_shift + x_shift.max() + lost
    return left, right, (ex, ey), float(centre.double() @ centre.double())


def _operand(vectors: torch.Tensor, centre: torch.Tensor, shifts: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """(Centred vectors with their shift in two of four further columns and ones in the others, bf16), and fp32 (3, n):
    norms of their errors, their norms, errors of the shift.
    """
    import torch

    n, d = vectors.shape
    operand = torch.ones((n, d + 4), dtype=torch.bfloat16, device=vectors.device)
    measured = torch.empty((3, n), device=vectors.device)
    for start in range(0, n, ROWS):
        part = slice(start, start + ROWS)
        centred = vectors[part] - centre
        half = centred.bfloat16()
        shift = centred @ centre
        high = shift.bfloat16()
        low = (shift - high.float()).bfloat16()
        operand[part, :d] = half
        operand[part, shifts] = torch.stack([high, low], dim=1)
        rounded = half.float()
        measured[1, part] = torch.maximum(centred.norm(dim=1), rounded.norm(dim=1))
        measured[0, part] = centred.sub_(rounded).norm(dim=1)
        measured[2, part] = (shift - high.float() - low.float()).abs()
    return operand, measured
