"""xtreme-harness: zero-shot evaluation of multilingual encoders on XTREME and XTREME-R.

Public names are loaded on first use, so that importing this package imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:  # what type checkers see of the names below
    from harness.api import compare as compare
    from harness.api import evaluate as evaluate
    from harness.api import score as score
    from harness.api import train as train
    from harness.data import readers as readers
    from harness.environment import tracks as tracks
    from harness.errors import DataError as DataError
    from harness.errors import HarnessError as HarnessError
    from harness.errors import ModelError as ModelError
    from harness.errors import UsageError as UsageError
    from harness.examples import Answer as Answer
    from harness.examples import Candidate as Candidate
    from harness.examples import Choice as Choice
    from harness.examples import Example as Example
    from harness.examples import GoldPair as GoldPair
    from harness.examples import Match as Match
    from harness.examples import Pair as Pair
    from harness.examples import Query as Query
    from harness.examples import Question as Question
    from harness.examples import Sentence as Sentence
    from harness.examples import Tagged as Tagged
    from harness.examples import Text as Text
    from harness.examples import Translation as Translation
    from harness.families.base import HeadFamily as HeadFamily
    from harness.families.base import Prediction as Prediction
    from harness.families.base import Predictor as Predictor
    from harness.families.base import UnitExamples as UnitExamples
    from harness.families.features import Features as Features
    from harness.families.features import Ragged as Ragged
    from harness.hookspecs import hookimpl as hookimpl
    from harness.languages import iso639_3 as iso639_3
    from harness.languages import language_name as language_name
    from harness.metrics.base import Metric as Metric
    from harness.runs.run import Run as Run
    from harness.runs.run import load_run as load_run
    from harness.specs import Attribute as Attribute
    from harness.specs import Benchmark as Benchmark
    from harness.specs import Command as Command
    from harness.specs import DoctorCheck as DoctorCheck
    from harness.specs import Family as Family
    from harness.specs import FileData as FileData
    from harness.specs import Finding as Finding
    from harness.specs import HubData as HubData
    from harness.specs import IntermediateTask as IntermediateTask
    from harness.specs import Recipe as Recipe
    from harness.specs import ReportFormat as ReportFormat
    from harness.specs import Split as Split
    from harness.specs import Study as Study
    from harness.specs import TargetTask as TargetTask
    from harness.specs import Where as Where
    from harness.specs import splits as splits
    from harness.submission.base import Aligned as Aligned
    from harness.submission.base import Format as Format

_PUBLIC = {
    "hookimpl": "harness.hookspecs",
    "HubData": "harness.specs",
    "FileData": "harness.specs",
    "Where": "harness.specs",
    "Split": "harness.specs",
    "splits": "harness.specs",
    "TargetTask": "harness.specs",
    "IntermediateTask": "harness.specs",
    "Family": "harness.specs",
    "Benchmark": "harness.specs",
    "Recipe": "harness.specs",
    "Study": "harness.specs",
    "ReportFormat": "harness.specs",
    "Attribute": "harness.specs",
    "Command": "harness.specs",
    "DoctorCheck": "harness.specs",
    "Finding": "harness.specs",
    "Example": "harness.examples",
    "Pair": "harness.examples",
    "Tagged": "harness.examples",
    "Answer": "harness.examples",
    "Question": "harness.examples",
    "Choice": "harness.examples",
    "Text": "harness.examples",
    "Match": "harness.examples",
    "Query": "harness.examples",
    "Candidate": "harness.examples",
    "Translation": "harness.examples",
    "Sentence": "harness.examples",
    "GoldPair": "harness.examples",
    "Predictor": "harness.families.base",
    "HeadFamily": "harness.families.base",
    "UnitExamples": "harness.families.base",
    "Prediction": "harness.families.base",
    "Features": "harness.families.features",
    "Ragged": "harness.families.features",
    "Format": "harness.submission.base",
    "Aligned": "harness.submission.base",
    "Metric": "harness.metrics.base",
    "HarnessError": "harness.errors",
    "UsageError": "harness.errors",
    "DataError": "harness.errors",
    "ModelError": "harness.errors",
    "tracks": "harness.environment",
    "iso639_3": "harness.languages",
    "language_name": "harness.languages",
    "readers": "harness.data.readers:",
    "evaluate": "harness.api",
    "score": "harness.api",
    "compare": "harness.api",
    "train": "harness.api",
    "load_run": "harness.runs.run",
    "Run": "harness.runs.run",
}

"""Each public name and the module that has it; one that is a module itself ends with a colon."""

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    module, colon, _ = _PUBLIC[name].partition(":")
    value: Any = import_module(module)
    if not colon:
        value = getattr(value, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
