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


def halve(
    x: torch.Tensor, y: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, tuple[torch.Tensor, torch.Tensor], float]:
    """``(x', y', (ex, ey), offset)``: bf16 operands (n, d + 4), (m, d + 4) with ``x'y'.T + offset`` close to ``x y.T``.

    ``ex`` (n,) bounds the difference for every row of x, ``ey`` (m,) for every row of y, measured on the vectors
    themselves (Cauchy-Schwarz); the rounding of the product to bf16 comes on top.
    """
    import torch

    centre = (x.mean(0) + y.mean(0)) / 2
    (x_half, x_error, x_norm, x_shift), x_columns = _operand(x, centre)
    (y_half, y_error, y_norm, y_shift), y_columns = _operand(y, centre)
    ones = [torch.ones(len(v), 2, dtype=torch.bfloat16, device=v.device) for v in (x, y)]
    left = torch.cat([x_half, x_columns, ones[0]], dim=1)
    right = torch.cat([y_half, ones[1], y_columns], dim=1)
    # What fp32 sums can lose here: the products, the shifts, and the sums within the shifts (twice that, to be safe).
    largest_x, largest_y = x_norm.max(), y_norm.max()
    sums = largest_x * largest_y + 2 * centre.norm() * (largest_x + largest_y)
    lost = sums * (2 * (x.shape[1] + 8) * 2.0**-24)
    ex = x_error * largest_y + x_norm * y_error.max() + x_shift + y_shift.max() + lost
    ey = y_error * largest_x + y_norm * x_error.max() + y_shift + x_shift.max() + lost
    return left, right, (ex, ey), float(centre.double() @ centre.double())


def _operand(
    vectors: torch.Tensor, centre: torch.Tensor
) -> tuple[tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]:
    """(centred vectors in bf16, norms of their errors, their norms, errors of the shift), and the columns of the
    shift.
    """
    import torch

    centred = vectors - centre
    half = centred.bfloat16()
    shift = centred @ centre
    high = shift.bfloat16()
    low = (shift - high.float()).bfloat16()
    error = (centred - half.float()).norm(dim=1)
    norm = torch.maximum(centred.norm(dim=1), half.float().norm(dim=1))
    return (half, error, norm, (shift - high.float() - low.float()).abs()), torch.stack([high, low], dim=1)
