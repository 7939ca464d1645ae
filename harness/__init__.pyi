# Written by `make docs` from the table in __init__.py.

from harness.analysis.effects.findings import Chart as Chart
from harness.analysis.effects.findings import Effect as Effect
from harness.analysis.effects.findings import Findings as Findings
from harness.analysis.effects.findings import TextTable as TextTable
from harness.analysis.effects.observations import Observation as Observation
from harness.api import analyse_study as analyse_study
from harness.api import breakdown as breakdown
from harness.api import checklist as checklist
from harness.api import compare as compare
from harness.api import evaluate as evaluate
from harness.api import evaluate_seeds as evaluate_seeds
from harness.api import figures as figures
from harness.api import mine as mine
from harness.api import render_report as render_report
from harness.api import score as score
from harness.api import train as train
from harness.api import train_adapters as train_adapters
from harness.core.arrays import FloatArray as FloatArray
from harness.core.arrays import IntArray as IntArray
from harness.core.arrays import OutputRows as OutputRows
from harness.core.environment import tracks as tracks
from harness.core.errors import DataError as DataError
from harness.core.errors import HarnessError as HarnessError
from harness.core.errors import ModelError as ModelError
from harness.core.errors import PluginError as PluginError
from harness.core.errors import UsageError as UsageError
from harness.core.version import __version__ as __version__
from harness.data import readers as readers
from harness.data.store import ExampleStore as ExampleStore
from harness.families.base import HeadFamily as HeadFamily
from harness.families.base import Predictor as Predictor
from harness.families.baseline import most_frequent as most_frequent
from harness.families.baseline import random_stream as random_stream
from harness.inference.features import FeatureRows as FeatureRows
from harness.inference.features import Features as Features
from harness.inference.features import Ragged as Ragged
from harness.inference.tokenization import encode_pairs as encode_pairs
from harness.models.heads import load_head as load_head
from harness.models.heads import model_inputs as model_inputs
from harness.registry.default import get_registry as get_registry
from harness.registry.hookspecs import hookimpl as hookimpl
from harness.registry.registry import Registry as Registry
from harness.retrieval.mine_files import MiningOptions as MiningOptions
from harness.run import Comparison as Comparison
from harness.run import Run as Run
from harness.run import SeedRuns as SeedRuns
from harness.run import load as load
from harness.run import load_seeds as load_seeds
from harness.scoring.chance import Chance as Chance
from harness.scoring.formats.base import Aligned as Aligned
from harness.scoring.formats.base import Format as Format
from harness.scoring.formats.reader import match_ids as match_ids
from harness.scoring.formats.reader import read_filled_lines as read_filled_lines
from harness.scoring.formats.reader import read_json as read_json
from harness.scoring.formats.reader import read_lines as read_lines
from harness.scoring.formats.reader import refuse_line as refuse_line
from harness.scoring.formats.reader import require_same_length as require_same_length
from harness.scoring.formats.reader import write_json as write_json
from harness.scoring.formats.reader import write_lines as write_lines
from harness.scoring.metrics import as_evaluate as as_evaluate
from harness.scoring.metrics import get_metric as get_metric
from harness.scoring.metrics.base import AdditiveMetric as AdditiveMetric
from harness.scoring.metrics.base import Metric as Metric
from harness.scoring.metrics.masked import MaskedTokens as MaskedTokens
from harness.scoring.scores import BenchmarkScore as BenchmarkScore
from harness.scoring.scores import TaskScore as TaskScore
from harness.studies.analyse import StudyAnalysis as StudyAnalysis
from harness.studies.job import Job as Job
from harness.studies.launcher import JobLauncher as JobLauncher
from harness.training.objectives.base import ObjectiveContext as ObjectiveContext
from harness.training.objectives.base import ObjectiveFile as ObjectiveFile
from harness.training.objectives.base import PlainLoss as PlainLoss
from harness.training.objectives.base import StageObjective as StageObjective
from harness.types.benchmarks import Benchmark as Benchmark
from harness.types.benchmarks import PublishedRows as PublishedRows
from harness.types.benchmarks import Recipe as Recipe
from harness.types.examples import Answer as Answer
from harness.types.examples import Candidate as Candidate
from harness.types.examples import Captioned as Captioned
from harness.types.examples import Choice as Choice
from harness.types.examples import Example as Example
from harness.types.examples import GoldPair as GoldPair
from harness.types.examples import Match as Match
from harness.types.examples import Pair as Pair
from harness.types.examples import PoolRole as PoolRole
from harness.types.examples import Query as Query
from harness.types.examples import Question as Question
from harness.types.examples import Sentence as Sentence
from harness.types.examples import Source as Source
from harness.types.examples import Tagged as Tagged
from harness.types.examples import Text as Text
from harness.types.examples import Translation as Translation
from harness.types.extensions import Attribute as Attribute
from harness.types.extensions import Command as Command
from harness.types.extensions import DoctorCheck as DoctorCheck
from harness.types.extensions import ExportFormat as ExportFormat
from harness.types.extensions import Finding as Finding
from harness.types.extensions import Launcher as Launcher
from harness.types.extensions import Objective as Objective
from harness.types.extensions import ReportFormat as ReportFormat
from harness.types.extensions import Tracker as Tracker
from harness.types.languages import Language as Language
from harness.types.languages import first_party_languages as first_party_languages
from harness.types.languages import iso639_3 as iso639_3
from harness.types.languages import language_name as language_name
from harness.types.languages import numbered_language as numbered_language
from harness.types.options import EvalOptions as EvalOptions
from harness.types.options import TrainOptions as TrainOptions
from harness.types.pictures import Picture as Picture
from harness.types.progress import ProgressListener as ProgressListener
from harness.types.sources import DatasetsData as DatasetsData
from harness.types.sources import FileData as FileData
from harness.types.sources import HubData as HubData
from harness.types.sources import Split as Split
from harness.types.sources import Where as Where
from harness.types.sources import splits as splits
from harness.types.studies import Arm as Arm
from harness.types.studies import Contrast as Contrast
from harness.types.studies import Search as Search
from harness.types.studies import Study as Study
from harness.types.task_template import TaskTemplate as TaskTemplate
from harness.types.tasks import Family as Family
from harness.types.tasks import IntermediateTask as IntermediateTask
from harness.types.tasks import TargetTask as TargetTask
from harness.types.tracking import RunTracker as RunTracker
from harness.types.tracking import TrackedRun as TrackedRun
from harness.types.tracking import lineage as lineage
from harness.types.tracking import run_numbers as run_numbers
from harness.types.tracking import unit_numbers as unit_numbers
from harness.types.units import Prediction as Prediction
from harness.types.units import Unit as Unit
from harness.types.units import UnitExamples as UnitExamples

__all__ = [
    "analyse_study",
    "breakdown",
    "checklist",
    "compare",
    "evaluate",
    "evaluate_seeds",
    "figures",
    "mine",
    "render_report",
    "score",
    "train",
    "train_adapters",
    "Chart",
    "Effect",
    "Findings",
    "TextTable",
    "Observation",
    "FloatArray",
    "IntArray",
    "OutputRows",
    "tracks",
    "DataError",
    "HarnessError",
    "ModelError",
    "PluginError",
    "UsageError",
    "__version__",
    "readers",
    "ExampleStore",
    "HeadFamily",
    "Predictor",
    "most_frequent",
    "random_stream",
    "FeatureRows",
    "Features",
    "Ragged",
    "encode_pairs",
    "load_head",
    "model_inputs",
    "get_registry",
    "hookimpl",
    "Registry",
    "MiningOptions",
    "Comparison",
    "Run",
    "SeedRuns",
    "load",
    "load_seeds",
    "Chance",
    "Aligned",
    "Format",
    "match_ids",
    "read_filled_lines",
    "read_json",
    "read_lines",
    "refuse_line",
    "require_same_length",
    "write_json",
    "write_lines",
    "as_evaluate",
    "get_metric",
    "AdditiveMetric",
    "Metric",
    "MaskedTokens",
    "BenchmarkScore",
    "TaskScore",
    "StudyAnalysis",
    "Job",
    "JobLauncher",
    "ObjectiveContext",
    "ObjectiveFile",
    "PlainLoss",
    "StageObjective",
    "Benchmark",
    "PublishedRows",
    "Recipe",
    "Arm",
    "Contrast",
    "Search",
    "Study",
    "Answer",
    "Candidate",
    "Captioned",
    "Choice",
    "Example",
    "GoldPair",
    "Match",
    "Pair",
    "PoolRole",
    "Query",
    "Question",
    "Sentence",
    "Source",
    "Tagged",
    "Text",
    "Translation",
    "Attribute",
    "Command",
    "DoctorCheck",
    "ExportFormat",
    "Finding",
    "Launcher",
    "Objective",
    "ReportFormat",
    "Tracker",
    "Language",
    "first_party_languages",
    "iso639_3",
    "language_name",
    "numbered_language",
    "EvalOptions",
    "TrainOptions",
    "Picture",
    "ProgressListener",
    "DatasetsData",
    "FileData",
    "HubData",
    "Split",
    "Where",
    "splits",
    "TaskTemplate",
    "Family",
    "IntermediateTask",
    "TargetTask",
    "RunTracker",
    "TrackedRun",
    "lineage",
    "run_numbers",
    "unit_numbers",
    "Prediction",
    "Unit",
    "UnitExamples",
]
