"""Linear mixed models of gains: fixed factors and tasks, random languages and seeds, crossed, by REML (statsmodels)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analysis.effects.findings import Effect
from harness.core.errors import UsageError

METHOD = "mixed model"
_HINT = "pip install 'xtreme-harness[studies]'"
SAME_SLOPE = (
    "the mixed model takes the slope to be the same in all languages; its interval is too narrow where it is not"
)
_UNSETTLED = ("failed to converge", "not positive definite")
_DECIDES = ": the bootstrap decides"


@dataclass(frozen=True)
class Fitted:
    """The effect of a mixed model, None where there is none, and notes on its fit."""

    effect: Effect | None
    notes: tuple[str, ...] = ()


def mixed_effect(
    columns: Mapping[str, Sequence[Any]],
    formula: str,
    term: str,
    name: str,
    *,
    random: Sequence[str] = ("language", "seed"),
    unit: str = "points",
    counts: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
) -> Fitted:
    """The coefficient ``term`` of a model such as ``"gain ~ size + C(task, Sum)"``, with Wald's interval.

    All rows are one group, and each of the ``random`` columns is a variance component, so that they are crossed
    (statsmodels' ``MixedLM``; Laird and Ware 1982). It says where the fit did not converge or a variance is at zero: the
    bootstrap decides then, as it does anyway. UsageError where statsmodels is not installed.
    """
    try:
        import pandas
        import statsmodels.formula.api as models
    except ImportError:
        raise UsageError("mixed models need the package statsmodels", hint=_HINT) from None
    frame = pandas.DataFrame({key: list(column) for key, column in columns.items()})
    used = [column for column in random if frame[column].nunique() > 1]
    said = [f"one {column} only: no random {column}" for column in random if column not in used]
    if not used:
        return Fitted(None, (f"one {' and one '.join(random)}: there is nothing to fit a mixed model to{_DECIDES}",))
    components = {column: f"0 + C({column})" for column in used}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model = models.mixedlm(
                formula, frame, groups=np.ones(len(frame)), re_formula="0", vc_formula=components or None
            )
            # Powell's method first: the others report convergence at a standard error four times too large (Dyestuff)
            fit = model.fit(reml=True, method=["powell", "lbfgs"])
        except (np.linalg.LinAlgError, ValueError) as error:
            return Fitted(None, (f"the mixed model could not be fitted ({error}){_DECIDES}",))
    low, high = (float(end) for end in fit.conf_int().loc[term])
    estimate, p = float(fit.params[term]), float(fit.pvalues[term])
    if not fit.converged or any(sign in str(each.message) for each in caught for sign in _UNSETTLED):
        said.append(f"the mixed model did not converge{_DECIDES}")
    at_zero = [
        column
        for column, value in zip(fit.model.exog_vc.names, np.atleast_1d(fit.vcomp), strict=True)
        if value < 1e-6 * fit.scale
    ]
    said += [f"the variance over {column}s is estimated at 0{_DECIDES}" for column in at_zero]
    if not np.isfinite([estimate, low, high]).all():
        return Fitted(None, (f"the mixed model has no standard error here{_DECIDES}",))
    found = Effect(
        name, "", False, estimate, low, high, p, None, METHOD, unit, dict(counts or {}), notes=(*notes, *said)
    )
    return Fitted(found, tuple(said))
