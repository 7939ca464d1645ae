"""xtreme-harness: zero-shot evaluation of multilingual encoders on XTREME and XTREME-R.

The public names, each loaded on first use, so that importing this package imports nothing heavy. Type checkers and
editors read them from ``__init__.pyi``, which ``make docs`` writes from the table here.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

_NAMES_OF = {
    "harness.api": (
        "analyse_study breakdown checklist compare evaluate evaluate_seeds figures mine render_report score train "
        "train_adapters"
    ),
    "harness.analysis.effects.findings": "Chart Effect Findings TextTable",
    "harness.analysis.effects.observations": "Observation",
    "harness.core.arrays": "FloatArray IntArray OutputRows",
    "harness.core.environment": "tracks",
    "harness.core.errors": "DataError HarnessError ModelError PluginError UsageError",
    "harness.core.version": "__version__",
    "harness.data": "readers",
    "harness.data.store": "ExampleStore",
    "harness.families.base": "HeadFamily Predictor",
    "harness.families.baseline": "most_frequent random_stream",
    "harness.inference.features": "FeatureRows Features Ragged",
    "harness.inference.tokenization": "encode_pairs",
    "harness.models.heads": "load_head model_inputs",
    "harness.registry.default": "get_registry",
    "harness.registry.hookspecs": "hookimpl",
    "harness.registry.registry": "Registry",
    "harness.retrieval.mine_files": "MiningOptions",
    "harness.run": "Comparison Run SeedRuns load load_seeds",
    "harness.scoring.chance": "Chance",
    "harness.scoring.formats.base": "Aligned Format",
    "harness.scoring.formats.reader": (
        "match_ids read_filled_lines read_json read_lines refuse_line require_same_length write_json write_lines"
    ),
    "harness.scoring.metrics": "as_evaluate get_metric",
    "harness.scoring.metrics.base": "AdditiveMetric Metric",
    "harness.scoring.metrics.masked": "MaskedTokens",
    "harness.scoring.scores": "BenchmarkScore TaskScore",
    "harness.studies.analyse": "StudyAnalysis",
    "harness.studies.job": "Job",
    "harness.studies.launcher": "JobLauncher",
    "harness.training.objectives.base": "ObjectiveContext ObjectiveFile PlainLoss StageObjective",
    "harness.types.benchmarks": "Benchmark PublishedRows Recipe",
    "harness.types.studies": "Arm Contrast Search Study",
    "harness.types.examples": (
        "Answer Candidate Captioned Choice Example GoldPair Match Pair PoolRole Query Question Sentence Source Tagged "
        "Text Translation"
    ),
    "harness.types.extensions": "Attribute Command DoctorCheck ExportFormat Finding Launcher Objective ReportFormat Tracker",
    "harness.types.languages": "Language first_party_languages iso639_3 language_name numbered_language",
    "harness.types.options": "EvalOptions TrainOptions",
    "harness.types.pictures": "Picture",
    "harness.types.progress": "ProgressListener",
    "harness.types.sources": "DatasetsData FileData HubData Split Where splits",
    "harness.types.task_template": "TaskTemplate",
    "harness.types.tasks": "Family IntermediateTask TargetTask",
    "harness.types.tracking": "RunTracker TrackedRun lineage run_numbers unit_numbers",
    "harness.types.units": "Prediction Unit UnitExamples",
}
"""Each module and its public names; a name may be that of a module below it."""

_MODULE_OF = {name: module for module, names in _NAMES_OF.items() for name in names.split()}

__all__ = [*_MODULE_OF]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        from harness.core.moved import old_names

        return old_names("harness")(name)
    module = import_module(_MODULE_OF[name])
    value = getattr(module, name) if hasattr(module, name) else import_module(f"{module.__name__}.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _OldModules:
    """Finds modules at the places where they were before; see :mod:`harness.core.moved`.

    It comes first: what an old checkout or an old installation left there must not be found.
    """

    @staticmethod
    def find_spec(name: str, path: Any = None, target: Any = None) -> Any:
        if not name.startswith("harness.") or name.startswith("harness.core"):
            return None
        from harness.core.moved import find_old_module

        return find_old_module(name)


sys.meta_path.insert(0, _OldModules)
