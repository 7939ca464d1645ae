"""Options of training and evaluation, and how a recipe, a file and single overrides become their values."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from harness.core.border import border
from harness.core.errors import UsageError, did_you_mean
from harness.types.benchmarks import Recipe
from harness.types.roles import MEASURES, PLACES, SEED, SELECTS, SPEED, option
from harness.types.trusted_code import parse_trusted
from harness.types.units import MIXED, PERTURBATIONS

_LARGEST = 1_000_000_000
"""Upper limit of the numeric training options; steps and sizes computed from larger numbers overflow."""
_LARGEST_SEED = (1 << 63) - 1
SAMPLINGS = ("proportional", "capped", "temperature", "uniform")
SECOND_LR_ON = ("new_tokens", "projector")
"""Parts of a model that can have the second learning rate."""


@dataclass(frozen=True)
class TrainOptions:
    """Hyper-parameters of one training stage.

    ``batch`` counts items (examples, pieces or windows) of one optimizer step, regardless of the micro-batches, which are
    packed up to ``batch_tokens`` padded tokens. ``max_steps`` 0 means by ``epochs``; ``warmup_ratio`` (of all steps)
    counts where ``warmup_steps`` is 0. ``evaluate_every`` is in steps (0: only at the end); ``select`` "best" keeps the
    checkpoint with the best English dev score, "loss" that with the lowest dev loss, "last" the final one. ``eval_limit``
    scores only that many dev examples during training (0: all); ``patience`` stops after that many evaluations without
    improvement (0: never). The state to continue from is written every ``save_every`` steps.

    ``epochs_of`` says what an epoch is of data in several languages: "all" of them or, in "english", as many examples as the
    English data have, so that translations are trained on for the same number of steps. Data that are no translation are
    counted as well. A task that is scored and trained on other languages (``--train-on``) takes "english" by default.

    ``select_on_translated`` names languages ("de,fr") in whose machine translations of the English dev data the checkpoint is
    chosen: ``translated/<task>/<language>/dev.jsonl``, which no person of these languages has labelled. "" is English.

    ``seed`` decides the fresh head, dropout and the order of the data. With ``keep_head`` a stage continues with the head
    of the stage before it, where that trained one task of the same family with as many labels (COPA after SocialIQA).
    Several tasks in one stage are drawn by ``sampling``: "proportional" to their size, "capped" at ``sampling_cap``
    (2^17), "temperature" (capped size to the power of 1/``sampling_temperature``) or "uniform"; ``mlm_ratio`` is the
    share of steps of masked language modelling added to them.

    ``extend_vocabulary`` is the number of tokens learned from the plain text of a first stage and added to the tokenizer first:
    by ``extend_vocabulary_how`` "merges" of old tokens at the end of the vocabulary, or pieces in its "unused" entries.
    ``transliterate`` names tables, joined by commas, by which the tokenizer of the first stage's model rewrites a script.

    ``train_size`` trains each task on so many of its examples (0: all), prefixes of one random order: a set lies within any
    larger one, whatever the seed. It is a factor of an experiment, and enters keys by the examples that are left.

    ``peft`` "lora" or "dora" trains low-rank adapters (``lora_*``) and the head, merged into the checkpoint at the end;
    ``gradient_checkpointing`` trades time for memory.

    ``second_lr`` (0: none) is the learning rate of what ``second_lr_on`` names, with the warm-up and decay of ``lr``, which may
    be 0 then: "new_tokens" are the embeddings of the tokens that the stage begins with by ``extend_vocabulary``, "projector"
    is what makes the vectors of pictures, in stages that have it.
    """

    lr: float = option(2e-5, MEASURES)
    epochs: float = option(3.0, MEASURES)
    max_steps: int = option(0, MEASURES)
    batch: int = option(32, MEASURES)
    warmup_steps: int = option(0, MEASURES)
    warmup_ratio: float = option(0.0, MEASURES)
    weight_decay: float = option(0.0, MEASURES)
    clip: float = option(1.0, MEASURES)
    adam_epsilon: float = option(1e-8, MEASURES)
    evaluate_every: int = option(0, MEASURES)
    eval_limit: int = option(0, MEASURES)
    patience: int = option(0, MEASURES)
    select: str = option("best", MEASURES)
    batch_tokens: int = option(4096, SPEED)
    save_every: int = option(500, SPEED)
    seed: int = option(42, SEED)
    train_size: int = option(0, MEASURES, keyed="never")
    epochs_of: str = option("all", MEASURES, keyed="changed")
    keep_head: bool = option(False, MEASURES)
    sampling: str = option("capped", MEASURES)
    sampling_cap: int = option(131_072, MEASURES)
    sampling_temperature: float = option(2.0, MEASURES)
    mlm_ratio: float = option(0.5, MEASURES)
    extend_vocabulary: int = option(0, MEASURES)
    peft: str = option("", MEASURES)
    lora_rank: int = option(8, MEASURES)
    lora_alpha: int = option(16, MEASURES)
    lora_dropout: float = option(0.0, MEASURES)
    gradient_checkpointing: bool = option(False, MEASURES)
    extend_vocabulary_how: str = option("merges", MEASURES, keyed="changed")
    transliterate: str = option("", MEASURES, keyed="changed")
    second_lr: float = option(0.0, MEASURES, keyed="changed")
    second_lr_on: str = option("new_tokens", MEASURES, keyed="changed")
    select_on_translated: str = option("", MEASURES, keyed="changed")

    @property
    def new_tokens_lr(self) -> float:
        """The learning rate of new tokens; 0 where they have none of their own."""
        return self.second_lr if self.second_lr_on == "new_tokens" else 0.0

    def __post_init__(self) -> None:
        """Refuses values that no training can use."""
        if self.select not in ("best", "loss", "last"):
            raise UsageError(f"option select: 'best', 'loss' or 'last' expected, not {self.select!r}")
        if self.sampling not in SAMPLINGS:
            raise UsageError(f"option sampling: one of {', '.join(SAMPLINGS)} expected, not {self.sampling!r}")
        if self.select_on_translated and self.select == "last":
            raise UsageError(
                "option select_on_translated: not with select=last, which chooses nothing", hint="leave one out"
            )
        if self.epochs_of not in ("all", "english"):
            raise UsageError(f"option epochs_of: 'all' or 'english' expected, not {self.epochs_of!r}")
        if self.peft not in ("", "lora", "dora"):
            raise UsageError(f"option peft: 'lora' or 'dora' expected, not {self.peft!r}")
        if self.mlm_ratio >= 1:
            raise UsageError(f"option mlm_ratio: a share below 1 expected, not {self.mlm_ratio!r}")
        if self.extend_vocabulary_how not in ("merges", "unused"):
            given = self.extend_vocabulary_how
            raise UsageError(f"option extend_vocabulary_how: 'merges' or 'unused' expected, not {given!r}")
        if self.second_lr_on not in SECOND_LR_ON:
            known = " or ".join(map(repr, SECOND_LR_ON))
            raise UsageError(f"option second_lr_on: {known} expected, not {self.second_lr_on!r}")
        if self.new_tokens_lr and self.peft:
            raise UsageError("option second_lr: not with --peft, which does not train embeddings", hint="leave one out")
        for name in ("lr", "batch", "batch_tokens", "clip", "save_every"):
            if not getattr(self, name) > 0 and not (name == "lr" and self.lr == 0 < self.second_lr):
                raise UsageError(f"option {name}: a positive number expected, not {getattr(self, name)!r}")
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, str):
                continue
            if not value >= 0:
                raise UsageError(f"option {field.name}: no negative number expected, not {value!r}")
            largest = _LARGEST_SEED if field.name == "seed" else _LARGEST
            if value > largest:
                raise UsageError(f"option {field.name}: at most {largest:,} expected, not {value!r}")


@dataclass(frozen=True)
class ObjectiveOptions:
    """Objectives of the stages of the tasks that are scored; those of ``--via`` have theirs after ``@``.

    ``objective`` is a name, or several joined by "@", the first innermost; "" is plain training on the labels. ``teacher``
    is a model string, for objectives that need one. Neither is an option of :class:`TrainOptions`, so that the keys and
    records of plain stages do not contain them.
    """

    objective: str = option("", MEASURES)
    teacher: str = option("", MEASURES)


@dataclass(frozen=True)
class EvalOptions:
    """Options of a run. What is measured is named by the model, the benchmark and the selectors.

    Each option has a role (:mod:`harness.types.roles`). ``recipe`` "auto" is "tiny" for the model ``tiny`` and "xtreme" for any
    other. Options that measure enter the keys of results through what they change (the stages, the data, the precision),
    or by themselves where they are keyed "changed".

    ``via`` names intermediate stages, in order. ``train`` "auto" fine-tunes on English, "never" scores the model as it
    is. ``train_on`` names languages for single tasks ("xnli[ar,de]"), "all" that have translations, or each language's "own":
    what is scored is trained on their data. ``test_on`` "translated" scores the English translation of the test text in its
    place. ``perturb`` names variants of the test sets that are scored besides them
    (:data:`harness.types.units.PERTURBATIONS`).
    ``mixed_pairs`` scores pairs of texts in two languages as well, every language with every other
    (:mod:`harness.data.mixed_pairs`).
    ``select_on`` names languages whose target dev data choose the checkpoint, which is not zero-shot and marks the
    record; empty: English only. ``overrides`` are single options by name ("lr", "squad.epochs", "layer"). ``limit`` and
    ``train_limit`` keep at most that many examples of a unit and of a training split, and mark the record as partial.
    ``stages_dir`` holds the trained stages, shared by the runs in one folder (None: ``stages`` next to the run).
    ``batch_tokens`` are the padded tokens of a batch (None: by device); ``compiled`` runs the model through
    ``torch.compile``.
    ``pair_missing`` says what becomes of a test text without an English translation, for models that read both: "error",
    or "self", which pairs it with itself and marks the record as partial.
    ``quant`` "8bit" or "4bit" holds the weights of the encoder in 8 or 4 bits, in training (of adapters only) and in
    scoring. ``attention`` names transformers' implementation of attention ("auto": sdpa where the model has it).
    ``language_adapters`` is a folder with an adapter for each language, which are swapped by the language of what is
    computed; a language without one takes by ``adapter_fallback`` that of its nearest relative ("related"), of English
    ("source") or "none". Where they are is no part of any key: their content is.
    ``allow_pickle`` has no effect any more: pickles of tensors alone are always converted. ``trust_remote_code``
    ("org/name@sha") runs the code of one repository at one commit for an architecture that transformers lacks; the record
    says so. ``track`` names trackers, or "none".
    """

    split: str = option("test", MEASURES, keyed="never")
    via: tuple[str, ...] = option((), MEASURES, keyed="never")
    select_on: tuple[str, ...] = option((), MEASURES, keyed="never")
    perturb: tuple[str, ...] = option((), SELECTS)
    mixed_pairs: bool = option(False, SELECTS)
    train: str = option("auto", MEASURES, keyed="never")
    train_on: tuple[str, ...] = option((), MEASURES, keyed="never")
    test_on: str = option("original", MEASURES, keyed="never")
    recipe: str = option("auto", MEASURES, keyed="never")
    overrides: Mapping[str, Any] = option(dict, MEASURES, keyed="never")
    limit: int | None = option(None, MEASURES, keyed="never")
    train_limit: int | None = option(None, MEASURES, keyed="never")
    device: str = option("auto", SPEED)
    dtype: str = option("auto", MEASURES, keyed="never")
    quant: str = option("", MEASURES, keyed="changed")
    attention: str = option("auto", MEASURES, keyed="changed")
    pair_missing: str = option("error", MEASURES, keyed="never")
    language_adapters: str | None = option(None, MEASURES, keyed="never")
    adapter_fallback: str = option("related", MEASURES, keyed="never")
    batch_tokens: int | None = option(None, SPEED)
    compiled: bool = option(False, SPEED)
    data_dir: str | None = option(None, PLACES)
    offline: bool = option(False, PLACES)
    stages_dir: str | None = option(None, PLACES)
    allow_pickle: bool = option(False, PLACES)
    trust_remote_code: str | None = option(None, PLACES)
    track: tuple[str, ...] = option((), PLACES)

    def __post_init__(self) -> None:
        """Refuses values that no run can use."""
        if self.train not in ("auto", "never"):
            raise UsageError(f"--train {self.train!r}: 'auto' or 'never' expected")
        if self.test_on not in ("original", "translated"):
            raise UsageError(f"--test-on {self.test_on!r}: 'original' or 'translated' expected")
        if self.test_on == "translated" and (self.mixed_pairs or MIXED in self.perturb):
            raise UsageError("--test-on translated: not with pairs of two languages, as all text is English")
        if self.train_on == ("own",) and (self.mixed_pairs or MIXED in self.perturb):
            raise UsageError("--train-on own: not with pairs of two languages, of which neither is the pair's own")
        if self.train == "never" and self.train_on:
            raise UsageError("--train-on: not with --train never, which trains on nothing")
        if self.pair_missing not in ("error", "self"):
            raise UsageError(f"--pair-missing {self.pair_missing!r}: 'error' or 'self' expected")
        if self.quant not in ("", "8bit", "4bit"):
            raise UsageError(f"--quant {self.quant!r}: '8bit' or '4bit' expected")
        if self.language_adapters is not None and self.compiled:
            raise UsageError("--compile: not with --language-adapters, which are swapped as the model computes")
        if self.language_adapters is not None and self.mixed_pairs:
            raise UsageError("--mixed-pairs: not with --language-adapters, of which a pair in two languages needs two")
        if self.trust_remote_code is not None:
            parse_trusted(self.trust_remote_code)
        for kind in self.perturb:
            if kind not in PERTURBATIONS or self.perturb.count(kind) > 1:
                wrong = "given twice" if kind in PERTURBATIONS else "no such perturbation"
                raise UsageError(f"--perturb {kind!r}: {wrong}", hint=f"known: {', '.join(PERTURBATIONS)}")
        for name in ("limit", "train_limit", "batch_tokens"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UsageError(f"--{name.replace('_', '-')} {value}: a positive number expected")


def load_recipe_file(path: Path) -> Recipe:
    """Reads ``--recipe file.toml``: fields of :class:`~harness.types.benchmarks.Recipe` (name, defaults, tasks, large, ...)."""
    if not path.exists():
        raise UsageError(f"{path}: no such recipe file", hint="--recipe takes a name, or the path of a TOML file")
    with border(
        f"{path}: not a readable TOML file", UsageError, hint="fields of a recipe: name, defaults, tasks, large"
    ):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    known = {field.name for field in fields(Recipe)} - {"provider"}
    for key in table:
        if key not in known:
            raise UsageError(f"{path}: unknown key {key!r}", hint=did_you_mean(key, known))
    for key in ("defaults", "tasks", "large", "large_tasks"):
        value = table.setdefault(key, {})
        if not isinstance(value, dict) or (
            key.endswith("tasks") and not all(isinstance(v, dict) for v in value.values())
        ):
            raise UsageError(
                f"{path}: {key} must be a table" + (" of tables, one a task" if key.endswith("tasks") else "")
            )
    if not isinstance(table.setdefault("version", 1), int):
        raise UsageError(f"{path}: version must be a whole number, not {table['version']!r}")
    return Recipe(**{"name": path.stem, **table})


def parse_overrides(texts: Iterable[str]) -> dict[str, str]:
    """``["lr=2e-5", "squad.epochs=2"]`` as a table; the values are typed when they meet their option."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"--set {text!r}: key=value expected", hint="for example --set lr=2e-5 or --set squad.epochs=2"
            )
        overrides[key.strip()] = value.strip()
    return overrides


def option_values(recipe: Recipe, names: Iterable[str], *, large: bool, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Values in force for a stage or task known by these names (stage first, task after: later wins)."""
    names = list(names)
    values = dict(recipe.defaults)
    for name in names:
        values.update(recipe.tasks.get(name, {}))
    if large:
        values.update(recipe.large)
        for name in names:
            values.update(recipe.large_tasks.get(name, {}))
    values.update({key: value for key, value in overrides.items() if "." not in key})
    for key, value in overrides.items():
        task, dot, option = key.rpartition(".")
        if dot and task in names:
            values[option] = value
    return values


def build(kind: type, values: Mapping[str, Any]) -> Any:
    """An instance of the options dataclass ``kind`` from the values of its fields; text is converted to the field's type."""
    hints = _hints(kind)
    return kind(**{key: _typed(key, value, hints[key]) for key, value in values.items() if key in hints})


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The type of each field, worked out once: a plan of many stages asks for them a hundred thousand times."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def check_keys(recipe: Recipe, overrides: Mapping[str, Any], kinds: Iterable[type], tasks: Iterable[str]) -> None:
    """Refuses option names that neither training nor any family knows, and overrides of unknown tasks."""
    known = {field.name for kind in (TrainOptions, ObjectiveOptions, *kinds) for field in fields(kind)}
    tasks = set(tasks)
    where = f"recipe {recipe.name!r}"
    tables: list[tuple[str, Mapping[str, Any]]] = [(where, recipe.defaults), (where, recipe.large)]
    for group in (recipe.tasks, recipe.large_tasks):
        tables += [(f"{where}, task {task!r}", table) for task, table in group.items()]
    for place, table in tables:
        for key in table:
            if key not in known:
                raise UsageError(f"{place}: unknown option {key!r}", hint=did_you_mean(key, known))
    for key in overrides:
        task, dot, option = key.rpartition(".")
        if dot and task not in tasks:
            raise UsageError(f"--set {key}: no task called {task!r} in this run", hint=did_you_mean(task, tasks))
        if option not in known:
            raise UsageError(f"--set {key}: unknown option {option!r}", hint=did_you_mean(option, known))


def seeded(options: EvalOptions, seed: int) -> EvalOptions:
    """The options of the run with this seed of the training."""
    return dataclasses.replace(options, overrides={**options.overrides, "seed": seed})


def as_plain(options: Any) -> dict[str, Any]:
    """The options as plain values, for records and keys."""
    return dataclasses.asdict(options)


def _typed(key: str, value: Any, hint: Any) -> Any:
    wanted = [kind for kind in getattr(hint, "__args__", (hint,)) if isinstance(kind, type)]
    if isinstance(value, str) and (str not in wanted or set(wanted) - {str, type(None)}):
        text = value.lower()
        if type(None) in wanted and text in ("none", ""):
            return None
        if bool in wanted and text in ("true", "false"):
            return text == "true"
        for kind in (int, float):
            if kind in wanted:
                with suppress(ValueError):
                    return kind(value)
        if str in wanted:
            return value
    elif isinstance(value, bool):
        if bool in wanted:
            return value
    elif isinstance(value, tuple(wanted)):
        return value
    elif isinstance(value, int) and float in wanted:
        with suppress(OverflowError):
            return float(value)
    names = " or ".join("nothing" if kind is type(None) else kind.__name__ for kind in wanted)
    raise UsageError(f"option {key}: {names} expected, not {value!r}")
