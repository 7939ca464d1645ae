"""xtreme-harness: zero-shot evaluation of multilingual encoders on XTREME and XTREME-R.

Public names are loaded on first use, so that importing this package imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers see of the names below
    from harness.api import compare as compare
    from harness.api import evaluate as evaluate
    from harness.api import score as score
    from harness.api import train as train
    from harness.core.environment import tracks as tracks
    from harness.core.errors import DataError as DataError
    from harness.core.errors import HarnessError as HarnessError
    from harness.core.errors import ModelError as ModelError
    from harness.core.errors import UsageError as UsageError
    from harness.data import readers as readers
    from harness.families.base import HeadFamily as HeadFamily
    from harness.families.base import Predictor as Predictor
    from harness.inference.features import Features as Features
    from harness.inference.features import Ragged as Ragged
    from harness.registry.hookspecs import hookimpl as hookimpl
    from harness.run import Run as Run
    from harness.run import load_run as load_run
    from harness.scoring.formats.base import Aligned as Aligned
    from harness.scoring.formats.base import Format as Format
    from harness.scoring.metrics.base import Metric as Metric
    from harness.types.examples import Answer as Answer
    from harness.types.examples import Candidate as Candidate
    from harness.types.examples import Choice as Choice
    from harness.types.examples import Example as Example
    from harness.types.examples import GoldPair as GoldPair
    from harness.types.examples import Match as Match
    from harness.types.examples import Pair as Pair
    from harness.types.examples import Query as Query
    from harness.types.examples import Question as Question
    from harness.types.examples import Sentence as Sentence
    from harness.types.examples import Tagged as Tagged
    from harness.types.examples import Text as Text
    from harness.types.examples import Translation as Translation
    from harness.types.languages import iso639_3 as iso639_3
    from harness.types.languages import language_name as language_name
    from harness.types.tasks import Attribute as Attribute
    from harness.types.tasks import Benchmark as Benchmark
    from harness.types.tasks import Command as Command
    from harness.types.tasks import DoctorCheck as DoctorCheck
    from harness.types.tasks import Family as Family
    from harness.types.tasks import FileData as FileData
    from harness.types.tasks import Finding as Finding
    from harness.types.tasks import HubData as HubData
    from harness.types.tasks import IntermediateTask as IntermediateTask
    from harness.types.tasks import Launcher as Launcher
    from harness.types.tasks import Recipe as Recipe
    from harness.types.tasks import ReportFormat as ReportFormat
    from harness.types.tasks import Split as Split
    from harness.types.tasks import Study as Study
    from harness.types.tasks import TargetTask as TargetTask
    from harness.types.tasks import Where as Where
    from harness.types.tasks import splits as splits
    from harness.types.units import Prediction as Prediction
    from harness.types.units import UnitExamples as UnitExamples

_PUBLIC = {
    "__version__": "harness.core.version",
    "hookimpl": "harness.registry.hookspecs",
    "HubData": "harness.types.tasks",
    "FileData": "harness.types.tasks",
    "Where": "harness.types.tasks",
    "Split": "harness.types.tasks",
    "splits": "harness.types.tasks",
    "TargetTask": "harness.types.tasks",
    "IntermediateTask": "harness.types.tasks",
    "Family": "harness.types.tasks",
    "Benchmark": "harness.types.tasks",
    "Recipe": "harness.types.tasks",
    "Study": "harness.types.tasks",
    "ReportFormat": "harness.types.tasks",
    "Attribute": "harness.types.tasks",
    "Command": "harness.types.tasks",
    "Launcher": "harness.types.tasks",
    "DoctorCheck": "harness.types.tasks",
    "Finding": "harness.types.tasks",
    "Example": "harness.types.examples",
    "Pair": "harness.types.examples",
    "Tagged": "harness.types.examples",
    "Answer": "harness.types.examples",
    "Question": "harness.types.examples",
    "Choice": "harness.types.examples",
    "Text": "harness.types.examples",
    "Match": "harness.types.examples",
    "Query": "harness.types.examples",
    "Candidate": "harness.types.examples",
    "Translation": "harness.types.examples",
    "Sentence": "harness.types.examples",
    "GoldPair": "harness.types.examples",
    "Predictor": "harness.families.base",
    "HeadFamily": "harness.families.base",
    "UnitExamples": "harness.families.base",
    "Prediction": "harness.families.base",
    "Features": "harness.inference.features",
    "Ragged": "harness.inference.features",
    "Format": "harness.scoring.formats.base",
    "Aligned": "harness.scoring.formats.base",
    "Metric": "harness.scoring.metrics.base",
    "HarnessError": "harness.core.errors",
    "UsageError": "harness.core.errors",
    "DataError": "harness.core.errors",
    "ModelError": "harness.core.errors",
    "tracks": "harness.core.environment",
    "iso639_3": "harness.types.languages",
    "language_name": "harness.types.languages",
    "readers": "harness.data.readers:",
    "evaluate": "harness.api",
    "score": "harness.api",
    "compare": "harness.api",
    "train": "harness.api",
    "load_run": "harness.run",
    "Run": "harness.run",
}

"""Each public name and the module that has it; one that is a module itself ends with a colon."""

__all__ = [*_PUBLIC]


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
