"""Results of a checklist: error rates by test and language, and examples of failures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from harness.scoring.intervals import wilson


@dataclass(frozen=True)
class Failure:
    """A question that was answered wrongly."""

    context: str
    question: str
    answer: str
    predicted: str


@dataclass(frozen=True)
class Result:
    """One test in one language: ``failed`` of ``cases`` cases, some of the failures."""

    test: str
    language: str
    cases: int
    failed: int
    failures: tuple[Failure, ...] = ()

    @property
    def error_rate(self) -> float:
        """Percentage of cases that failed."""
        return 100 * self.failed / self.cases

    def to_dict(self) -> dict[str, Any]:
        """Plain values; ``low`` and ``high`` are Wilson's 95% interval."""
        low, high = wilson(self.failed / self.cases, self.cases)
        return {**asdict(self), "error_rate": self.error_rate, "low": 100 * low, "high": 100 * high}


@dataclass(frozen=True)
class Results:
    """All tests in all languages, of a ``model`` and a version of the ``templates``."""

    model: str
    templates: str
    results: Sequence[Result]

    @property
    def languages(self) -> list[str]:
        """In the order of the templates."""
        return list(dict.fromkeys(result.language for result in self.results))

    @property
    def tests(self) -> list[str]:
        """In the order of the templates."""
        return list(dict.fromkeys(result.test for result in self.results))

    def average(self, language: str) -> float:
        """The mean error rate of a language's tests."""
        return fmean(result.error_rate for result in self.results if result.language == language)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "model": self.model,
            "templates": self.templates,
            "average": {code: self.average(code) for code in self.languages},
            "results": [result.to_dict() for result in self.results],
        }
