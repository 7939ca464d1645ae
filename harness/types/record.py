"""The record of a run, ``record.json``, as typed values.

They are plain JSON: what is written, what hooks get, and what :func:`~harness.runs.record.load_record` gives.
``NotRequired`` marks what records of some versions lack. The same fields, with what their values may be, are in
``harness/runs/record.schema.json``, by which a record is checked once, when it is loaded.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict

ScaleName = Literal["0-100", "0-1", "-1-1", "unbounded"]
"""Scale of a metric: it decides how many digits are shown."""

Scalar = str | int | float | bool | None


class GitRecord(TypedDict):
    """The state of the harness's own checkout: ``dirty`` says that it had changes."""

    commit: str
    dirty: bool


class HarnessRecord(TypedDict):
    """The harness that computed: ``git`` is None where it was installed as a package."""

    version: str
    git: NotRequired[GitRecord | None]


class EnvironmentRecord(TypedDict):
    """Versions of what computes scores; a package that is not installed is None."""

    python: NotRequired[str]
    platform: NotRequired[str]
    packages: NotRequired[dict[str, str | None]]


class SessionRecord(TypedDict):
    """One command that worked on the run."""

    started: NotRequired[str]
    command: list[str]
    harness: HarnessRecord
    environment: EnvironmentRecord


class IdentityRecord(TypedDict):
    """Identity of a run: the model, the options that measure, and the seed."""

    model: str
    measures: dict[str, Any]
    seed: dict[str, Any]
    sha256: str


class ModelRecord(TypedDict):
    """The model as it was given, and what was found; a baseline has no weights.

    ``languages`` are the shares of a language in the text that it was made from, where that is known.
    """

    reference: NotRequired[str]
    kind: NotRequired[str]
    revision: NotRequired[str | None]
    fingerprint: NotRequired[str | None]
    architecture: NotRequired[str | None]
    hidden_size: NotRequired[int | None]
    parameters: NotRequired[int | None]
    copy: NotRequired[str]
    languages: NotRequired[dict[str, float]]
    converted_from: NotRequired[dict[str, Any]]
    code: NotRequired[dict[str, Any]]


class OptionsRecord(TypedDict):
    """The options of the run (:class:`~harness.types.options.EvalOptions`), with the recipe, device and precision in force."""

    split: NotRequired[str]
    via: NotRequired[list[str]]
    select_on: NotRequired[list[str]]
    train_on: NotRequired[list[str]]
    test_on: NotRequired[str]
    perturb: NotRequired[list[str]]
    mixed_pairs: NotRequired[bool]
    train: NotRequired[str]
    recipe: NotRequired[dict[str, Scalar]]
    overrides: NotRequired[dict[str, Any]]
    limit: NotRequired[int | None]
    train_limit: NotRequired[int | None]
    device: NotRequired[str]
    dtype: NotRequired[str]
    quant: NotRequired[str]
    attention: NotRequired[str]
    pair_missing: NotRequired[str]
    language_adapters: NotRequired[str | None]
    adapter_fallback: NotRequired[str]
    batch_tokens: NotRequired[int | None]
    compiled: NotRequired[bool]
    data_dir: NotRequired[str | None]
    offline: NotRequired[bool]
    stages_dir: NotRequired[str | None]
    allow_pickle: NotRequired[bool]
    trust_remote_code: NotRequired[str | None]
    track: NotRequired[list[str]]


class ProvenanceRecord(TypedDict):
    """Origin of the text of a part of a split; ``language`` is "" where the split does not name one."""

    language: str
    origin: str
    system: str


class DataRecord(TypedDict):
    """One split as it was read: ``expected`` are the rows of the official release.

    ``in_place_of`` is the fingerprint of the test set whose English was scored in its place.
    """

    fingerprint: str
    in_place_of: NotRequired[str]
    rows: NotRequired[int | None]
    expected: NotRequired[int | None]
    examples: NotRequired[int]
    source: NotRequired[str]
    state: NotRequired[str | None]
    notes: NotRequired[list[str]]
    provenance: NotRequired[list[ProvenanceRecord]]


TranslationRecord = TypedDict("TranslationRecord", {"from": str | None, "to": str, "origin": str, "system": str})
"""A translation that was used: ``from`` is None where that is not known."""


class ResourcesRecord(TypedDict):
    """Resources besides the model and plain text: see :mod:`harness.data.resources`."""

    labels: NotRequired[list[str]]
    text: NotRequired[list[str]]
    images: NotRequired[list[str]]
    parallel: NotRequired[list[Any]]
    translations_train: NotRequired[list[TranslationRecord]]
    translations_test: NotRequired[list[TranslationRecord]]
    teacher: NotRequired[str | None]


class RunResourcesRecord(ResourcesRecord):
    """Resources of the whole system; ``intermediate`` are the stages before those of the tasks that are scored."""

    intermediate: list[str]


class ParentRecord(TypedDict):
    """Parent of a stage: the key of another stage, or a model and its fingerprint."""

    stage: NotRequired[str]
    model: NotRequired[str]
    fingerprint: NotRequired[str]


class ObjectiveRecord(TypedDict):
    """An objective that a task was trained with."""

    name: str
    version: NotRequired[int]
    provider: NotRequired[str]
    options: NotRequired[dict[str, Any]]
    needs: NotRequired[list[str]]
    method: NotRequired[bool]


class InputRecord(TypedDict):
    """Further input of a stage, besides its parent and its data: a teacher, for example.

    ``stage`` is the key of one that was trained for it; ``fingerprint`` is that of the weights.
    """

    role: str
    name: str
    stage: NotRequired[str]
    fingerprint: NotRequired[str]
    dev_score: NotRequired[float | None]
    steps: NotRequired[int]
    seconds: NotRequired[float]


class StageTaskRecord(TypedDict):
    """One task of a stage; ``data`` holds "train" and, where the task has one, "dev".

    ``objective`` lists the objectives from the outermost to the innermost; it is absent for plain training. ``train_size``
    is absent where the task is trained on all of its examples, ``epoch`` where each of them is in every epoch. ``pairs``
    counts the training examples by their English partners, where an objective reads these.
    """

    task: str
    version: NotRequired[int]
    provider: NotRequired[str]
    options: NotRequired[dict[str, Any]]
    train_size: NotRequired[int]
    epoch: NotRequired[int]
    pairs: NotRequired[dict[str, int]]
    objective: NotRequired[list[ObjectiveRecord]]
    data: dict[str, DataRecord]


class StageOptionsRecord(TypedDict):
    """The options of a training (:class:`~harness.types.options.TrainOptions`); readers rely on the seed alone."""

    seed: int


class DevRecord(TypedDict):
    """One evaluation on dev data during training: its score, 0-100, and the mean loss of a term (an example, a word)."""

    step: float
    score: float
    loss: NotRequired[float]


class StageRecord(TypedDict):
    """One stage of training: its lineage, data and options, and how the training went. ``loss`` holds (step, loss).

    ``preparation`` says what was done to the model before: ``transliterate`` (names of tables, each of which rewrites all
    languages of its script), ``new_tokens`` and ``how`` they were found, the fingerprint of the ``text``, and for each of its
    ``languages`` tokens a word and the share of unknown tokens (or bytes in their place) ``before`` and ``after``.
    """

    key: str
    name: str
    parent: ParentRecord
    tasks: list[StageTaskRecord]
    options: StageOptionsRecord
    dtype: NotRequired[str]
    quant: NotRequired[str]
    attention: NotRequired[str]
    language_adapters: NotRequired[dict[str, Any]]
    image_tower: NotRequired[dict[str, Any]]
    preparation: NotRequired[dict[str, Any]]
    ancestors: NotRequired[list[str]]
    head: NotRequired[str]
    inputs: NotRequired[list[InputRecord]]
    lineage: NotRequired[list[str]]
    trained_vectors: NotRequired[list[str]]
    resources: NotRequired[ResourcesRecord]
    fresh: NotRequired[list[str]]
    padding: NotRequired[str]
    packed: NotRequired[bool]
    frozen: NotRequired[str]
    steps: NotRequired[int]
    planned_steps: NotRequired[int]
    stopped_early: NotRequired[bool]
    selected_step: NotRequired[float | None]
    dev_score: NotRequired[float | None]
    dev_loss: NotRequired[float]
    dev: NotRequired[list[DevRecord] | None]
    best_thresholds: NotRequired[Any]
    loss: NotRequired[list[list[float]] | None]
    items: NotRequired[list[int]]
    tokens: NotRequired[int]
    seconds: NotRequired[float]
    fingerprint: NotRequired[str]
    folder: NotRequired[str]


class FileRecord(TypedDict):
    """A file in the run folder, by its name there, as it was scored."""

    file: str
    sha256: str


class ChanceRecord(TypedDict):
    """The scores of random answers and of the best constant one (None: there is no such score)."""

    random: float | None
    constant: float | None


class EstimateRecord(TypedDict):
    """A number of a unit, its standard error and 95% interval (None: not available), and what chance gives.

    ``scale`` is there where it is another than 0-100.
    """

    value: float
    stderr: NotRequired[float | None]
    low: NotRequired[float | None]
    high: NotRequired[float | None]
    chance: NotRequired[ChanceRecord]
    scale: NotRequired[ScaleName]


class UnitScoreRecord(TypedDict):
    """The numbers of a unit over ``n`` items; ``constant`` is the one answer that all of them got."""

    n: int
    metrics: dict[str, EstimateRecord]
    warnings: list[str]
    constant: NotRequired[str]


class UnitRecord(TypedDict):
    """One unit: what it was predicted from and by, its files and its score (None: there are no labels).

    ``run`` is the sha256 of the run's identity, ``session`` a place in its sessions, ``checkpoint`` the key of the stage
    that predicted it. ``facts`` are what the family and the perturbation say. ``metric`` is there where an option of the
    family chose another than the task's.
    """

    key: str
    run: NotRequired[str]
    session: NotRequired[int]
    checkpoint: NotRequired[str]
    task_version: int
    provider: str
    examples: int
    data: DataRecord
    resources: NotRequired[ResourcesRecord]
    predictions: FileRecord
    labels: FileRecord | None
    facts: NotRequired[dict[str, Any]]
    metric: NotRequired[str]
    score: UnitScoreRecord | None
    seconds: NotRequired[float]


class MetricScoreRecord(TypedDict):
    """One metric of a task: in each language, and on average where all languages that count have it.

    ``partial`` is the mean over the languages that have it, where these are not all.
    """

    average: float | None
    partial: NotRequired[float]
    languages: dict[str, float]
    scale: NotRequired[ScaleName]


class TaskScoreRecord(TypedDict):
    """The score of a task and its metrics; where a language is missing, None, and the ``partial`` mean over the others."""

    score: float | None
    partial: NotRequired[float]
    metrics: dict[str, MetricScoreRecord]
    scale: NotRequired[ScaleName]


class ScoresRecord(TypedDict):
    """Scores as :meth:`harness.scoring.scores.BenchmarkScore.to_dict` gives them; ``intervals`` are described there."""

    benchmark: NotRequired[str | None]
    overall: float | None
    groups: dict[str, float | None]
    tasks: dict[str, TaskScoreRecord]
    missing: NotRequired[dict[str, list[str]]]
    transfer_gap: NotRequired[dict[str, dict[str, float]]]
    average_transfer_gap: NotRequired[float]
    intervals: NotRequired[dict[str, Any]]


LossRecord = TypedDict(
    "LossRecord",
    {
        "clean": float,
        "perturbed": float,
        "loss": float,
        "low": float | None,
        "high": float | None,
        "n": int,
        "changed": int,
        "with": NotRequired[str],
    },
)
"""Cost of a perturbation in one language, in points, with its 95% interval.

``changed`` of the ``n`` examples were changed by it, ``with`` what it took from elsewhere.
"""


class TaskLossRecord(TypedDict):
    """Cost of a perturbation on average over the languages in which it changed anything, and in each of them."""

    loss: NotRequired[float | None]
    languages: dict[str, LossRecord]


class MixedMeanRecord(TypedDict):
    """Mean score over cells of a matrix of mixed pairs, in points, with its 95% interval."""

    score: float
    low: float | None
    high: float | None
    cells: int


class MixedPairsRecord(TypedDict):
    """Means of a task's matrix of mixed pairs over its languages, whose cells are units ("xnli/en~sw/test").

    ``means`` are "off_diagonal", "first_english", "second_english", "neither_english", "diagonal" (the units of one language)
    and "loss" (diagonal minus off-diagonal), where all of their cells were scored.
    """

    languages: list[str]
    means: dict[str, MixedMeanRecord]


class TimingsRecord(TypedDict):
    """Seconds on the clock, in all and by phase."""

    seconds: NotRequired[float]
    phases: NotRequired[dict[str, float]]


class RunRecord(TypedDict):
    """The record of a run. ``scores`` is None until the run is finished, ``benchmark`` for selected tasks.

    Units are by key ("xnli/sw/test"); so are the reasons of those that are ``missing`` (no data) or ``failed``.
    ``robustness`` is by perturbation and task, ``mixed_pairs`` by task.
    """

    schema: str
    harness: HarnessRecord
    command: list[str]
    created: str
    finished: str | None
    environment: EnvironmentRecord
    sessions: NotRequired[list[SessionRecord]]
    identity: NotRequired[IdentityRecord | None]
    model: ModelRecord
    benchmark: str | None
    options: OptionsRecord
    partial: list[str]
    stages: list[StageRecord]
    needs: NotRequired[list[str]]
    """Keys of all stages that a run which is not finished uses or is going to use."""
    units: dict[str, UnitRecord]
    missing: dict[str, str]
    failed: dict[str, str]
    scores: ScoresRecord | None
    resources: NotRequired[RunResourcesRecord]
    primary: NotRequired[dict[str, list[str]]]
    by_item: NotRequired[list[str]]
    robustness: NotRequired[dict[str, dict[str, TaskLossRecord]] | None]
    mixed_pairs: NotRequired[dict[str, MixedPairsRecord] | None]
    timings: NotRequired[TimingsRecord]
