"""Carries out a run: train what is missing, predict, write the official files, score them, keep the record."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.blame import blame
from harness.errors import DataError, HarnessError, ModelError, PluginError, UsageError
from harness.evaluation.forward import Forward
from harness.evaluation.plan import PlannedUnit, training_tasks
from harness.evaluation.reporter import Reporter
from harness.evaluation.stage_claims import train_claimed
from harness.families.base import STREAM_ROWS, HeadFamily, Prediction, Predictor, UnitExamples
from harness.metrics import get_metric
from harness.models.device import choose_device, choose_dtype
from harness.models.fingerprint import file_sha256
from harness.models.load import check_head, load_tokenizer
from harness.models.reference import ModelReference
from harness.models.resolve import ResolvedModel, resolve_model
from harness.options import EvalOptions, as_plain
from harness.perturb import Variant, make_variant, split_of
from harness.registry import Registry
from harness.runs.claims import Taken, is_free
from harness.runs.folder import RunFolder
from harness.scoring import score_unit
from harness.select import Unit
from harness.specs import IntermediateTask, Recipe, Split
from harness.training.stage import Stage
from harness.training.stages import Stages

if TYPE_CHECKING:
    from harness.data.sources import LoadedSplit

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between looks at what other processes are working on."""


@dataclass(frozen=True)
class Ready:
    """A unit with its examples loaded and the key under which its result is kept; ``facts`` are for the record."""

    planned: PlannedUnit
    examples: UnitExamples
    data: LoadedSplit
    key: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """Units that one checkpoint predicts in one stream: same stages, same family, same options and labels.

    ``checkpoint`` is a stage (trained or not yet), the model as it is, or None for a baseline.
    """

    family: Predictor
    checkpoint: Stage | ResolvedModel | None
    units: tuple[PlannedUnit, ...]

    @property
    def identity(self) -> str:
        """What decides the predictions besides options and data."""
        if self.checkpoint is None:
            return "baseline"
        return self.checkpoint.key if isinstance(self.checkpoint, Stage) else self.checkpoint.fingerprint


class Evaluator:
    """One run of one model over planned units."""

    def __init__(
        self,
        run: RunFolder,
        registry: Registry,
        reference: ModelReference,
        recipe: Recipe,
        options: EvalOptions,
        reporter: Reporter,
        model: ResolvedModel | None = None,
    ) -> None:
        self.run = run
        self.registry = registry
        self.reference = reference
        self.recipe = recipe
        self.options = options
        self.reporter = reporter
        self.device = choose_device(options.device)
        self.dtype = choose_dtype(options.dtype, self.device)
        self.model = model
        self._lineage: list[str] = []
        self._noted: set[str] = set()
        self._reported: set[str] = set()
        self._elsewhere: set[str] = set()
        self._blocked: Path | None = None
        self._pools: dict[str, LoadedSplit] = {}
        self.stages = Stages(
            registry,
            recipe,
            options,
            device=self.device,
            dtype=self.dtype,
            root=Path(options.stages_dir) if options.stages_dir else run.path.parent / "stages",
            begin=reporter.training,
        )

    def evaluate(self, planned: Sequence[PlannedUnit]) -> None:
        """Scores every present unit that is not done; the record ends up complete, with what is missing and failed.

        Other processes may do the same at the same time: each claims what it works on, and at the end waits for what
        the others have claimed, or does it where they end without a result.
        """
        self.resolve()
        absent = [entry for entry in planned if not entry.present]
        with self.run.changing() as record:
            record["missing"] = {entry.unit.key: entry.reason for entry in absent if not entry.damaged}
            record["failed"] = {entry.unit.key: entry.reason for entry in absent if entry.damaged}
            self._describe(record)
        started = time.monotonic()
        waiting: list[tuple[list[PlannedUnit], Path | None]] = [
            (units, None) for units in self._grouped([entry for entry in planned if entry.present])
        ]
        while waiting:
            tried, waiting = waiting, []
            for units, claim in tried:
                if claim is not None and not is_free(claim):
                    waiting.append((units, claim))
                elif left := self._evaluate_units(units, again=claim is not None):
                    waiting.append((left, self._blocked))
            if waiting == tried:
                time.sleep(POLL)
        with self.run.changing() as record:
            lineage = list(dict.fromkeys(self._lineage))
            stages = [entry for entry in record["stages"] if entry["key"] in lineage]
            record["stages"] = sorted(stages, key=lambda entry: lineage.index(entry["key"]))
            record["timings"]["seconds"] = round(record["timings"].get("seconds", 0) + time.monotonic() - started, 3)

    def check(self, planned: Sequence[PlannedUnit]) -> None:
        """Refuses options that nothing in the plan knows."""
        names = {entry.task.name for entry in planned}
        names |= {source.name for entry in planned for source in training_tasks(entry.task, self.registry)}
        self.stages.check_options(self.options.via, names)

    def identity(self, planned: Sequence[PlannedUnit]) -> str:
        """What must be alike between processes that share a run; where and in what batches they compute may differ."""
        options = replace(self.options, data_dir=None, stages_dir=None, device="", batch_tokens=1, offline=False)
        recipe = [self.recipe.name, self.recipe.version, self.dtype]
        model = self.model.fingerprint if self.model else str(self.reference)
        return json.dumps([model, as_plain(options), recipe, [entry.unit.key for entry in planned]], sort_keys=True)

    def train_all(self, planned: Sequence[PlannedUnit]) -> None:
        """Trains every stage that :meth:`evaluate` will need, and nothing else (all processes of a launch take part)."""
        self.resolve()
        for units in self._grouped([entry for entry in planned if entry.present]):
            checkpoint = self._group(units).checkpoint
            if isinstance(checkpoint, Stage):
                self.stages.train(checkpoint)

    def resolve(self) -> None:
        """Finds the model and takes its fingerprint."""
        if self.reference.kind != "baseline" and self.model is None:
            self.reporter.note(f"model {self.reference}")
            loader = self.registry.hook.harness_load_encoder
            offline, allow_pickle = self.options.offline, self.options.allow_pickle
            self.model = resolve_model(self.reference, offline=offline, loader=loader, allow_pickle=allow_pickle)
        if self.model is not None:
            self.stages.start_from(self.model)

    def _grouped(self, present: Sequence[PlannedUnit]) -> list[list[PlannedUnit]]:
        groups: dict[str, list[PlannedUnit]] = {}
        for entry in present:
            task = entry.task
            sources = [source.name for source in training_tasks(task, self.registry)]
            family = self._family(entry)
            alike = [sources, task.family, task.labels, as_plain(family.options)]
            alike += [entry.unit.split] if family.joins else []
            groups.setdefault(json.dumps(alike, sort_keys=True), []).append(entry)
        return list(groups.values())

    def _family(self, entry: PlannedUnit) -> Predictor:
        sources = training_tasks(entry.task, self.registry)
        names = [*(source.name for source in sources[-1:] if source.family == entry.task.family), entry.task.name]
        return self.stages.family(entry.task.family, entry.task.labels, names, entry.task.options)

    def _group(self, units: Sequence[PlannedUnit]) -> Group:
        family = self._family(units[0])
        if self.model is None:
            return Group(family, None, tuple(units))
        checkpoint = self.stages.via(self.options.via, self.model)
        if self.options.train == "auto":
            sources = training_tasks(units[0].task, self.registry)
            if family.trainable and not sources:
                name = units[0].task.name
                raise UsageError(f"task {name!r} has no English training data", hint="use --train never")
            for source in sources:
                checkpoint = self.stages.stage([self._selected(source, units[0])], checkpoint)
        return Group(family, checkpoint, tuple(units))

    def _selected(self, source: IntermediateTask, entry: PlannedUnit) -> IntermediateTask:
        """The training task with the dev data that choose its checkpoint: English, or what ``select_on`` names."""
        if not self.options.select_on:
            return source
        name = entry.task.name
        splits = {code: entry.task.languages.get(code, {}).get("dev") for code in self.options.select_on}
        absent = [code for code, split in splits.items() if split is None]
        if source.name != name or absent:
            raise UsageError(f"task {name!r} has no dev data of its own to select on in {', '.join(absent or splits)}")
        return replace(source, dev=Split(parts=tuple(split for split in splits.values() if split is not None)))

    def _evaluate_units(self, units: Sequence[PlannedUnit], *, again: bool) -> list[PlannedUnit]:
        """Evaluates units of one group; the answer is those that are left to other processes, for now."""
        self._elsewhere, self._blocked = set(), None
        if again:  # what another process tried and could not do is not tried again
            failed = self.run.refresh()["failed"]
            units = [entry for entry in units if entry.unit.key not in failed]
        try:
            self._evaluate_group(self._group(units)) if units else None
        except Taken as taken:
            self._blocked = taken.path
        except (DataError, ModelError, PluginError) as error:
            self._all_failed(units, error)
        except HarnessError:
            raise
        except Exception as error:
            blamed = blame(error, units[0].task, self.registry)
            if blamed is None:
                raise
            log.debug("%s", blamed, exc_info=error)
            self._all_failed(units, blamed)
        return [entry for entry in units if entry.unit.key not in self._reported]

    def _evaluate_group(self, group: Group) -> None:
        prepared = []
        for entry in group.units:
            try:
                prepared.append(self._prepare(entry, group))
            except DataError as error:
                self._failed(entry.unit, error)
        self._note_stages(group.checkpoint)
        forward: Forward | None = None
        with ExitStack() as stack:
            for stream in _streams(self._joined(prepared, group.family), group.family):
                with self._claimed(stream, group.family) as claimed:
                    todo = self._todo(claimed, group.family)
                    if todo and group.checkpoint is None:
                        self._keep(todo, (self._guess(ready, group.family) for ready in todo))
                        continue
                    if todo and forward is None:
                        assert group.checkpoint is not None
                        forward = self._forward(group.family, group.checkpoint)
                        size = sum(len(ready.examples.examples) for ready in prepared) + len(todo[0].examples.pool)
                        name = group.units[0].task.name
                        forward.progress = stack.enter_context(self.reporter.predicting(name, size))
                    if todo and forward is not None:
                        self._keep(todo, group.family.predict(forward, [ready.examples for ready in todo]))

    @contextmanager
    def _claimed(self, stream: Sequence[Ready], family: Predictor) -> Iterator[Sequence[Ready]]:
        """Those of the units that no other process is working on; nobody else will while the block lasts."""
        claims = self.run.claims
        names = [ready.planned.unit.key for ready in stream]
        mine = [name for name in names if claims.take(name)]
        try:
            others = [name for name in names if name not in mine]
            if others:
                self._elsewhere.update(names if family.joins else others)
                self._blocked = claims.path(others[0])
            together = family.joins and others
            yield [ready for ready in stream if ready.planned.unit.key in mine] if not together else ()
        finally:
            for name in mine:
                claims.release(name)

    def _todo(self, claimed: Sequence[Ready], family: Predictor) -> list[Ready]:
        """The claimed units that are not done, by us before or by another process; the others are reported."""
        if not claimed:
            return []
        self.run.refresh()
        done = {ready.key for ready in claimed if self.run.done(ready.planned.unit, ready.key)}
        if family.joins and len(done) < len(claimed):
            done = set()
        for unit in (ready.planned.unit for ready in claimed if ready.key in done):
            self._reported.add(unit.key)
            self.reporter.unit(unit, self.run.record["units"][unit.key], cached=True)
        return [ready for ready in claimed if ready.key not in done]

    def _joined(self, prepared: Sequence[Ready], family: Predictor) -> list[Ready]:
        """The units with what they know of each other; then the result of one hangs on the data of all."""
        units = family.join([ready.examples for ready in prepared])
        if family.joins:
            together = "".join(ready.key for ready in prepared)
            keys = [hashlib.sha256((ready.key + together).encode()).hexdigest() for ready in prepared]
        else:
            keys = [ready.key for ready in prepared]
        return [replace(ready, examples=unit, key=key) for ready, unit, key in zip(prepared, units, keys, strict=True)]

    def _prepare(self, entry: PlannedUnit, group: Group) -> Ready:
        assert entry.split is not None
        unit, family = entry.unit, group.family
        data = self.stages.load(entry.task, entry.split, self.options.limit)
        if not data.examples:
            raise DataError(f"{unit.key}: the split holds no example", hint=", ".join(map(str, data.files)))
        variant = Variant(data.examples)
        if entry.perturbation:
            variant = make_variant(entry.perturbation, data.examples, self._parallel(entry))
        dev: Sequence[Any] = ()
        dev_fingerprint = None
        if family.needs_dev and split_of(unit.split)[0] != "dev":
            split = entry.task.languages[unit.language].get("dev")
            if split is None:
                raise DataError(f"{unit.key}: no dev split to learn the threshold on")
            loaded = self.stages.load(entry.task, split, self.options.limit)
            dev, dev_fingerprint = loaded.examples, loaded.fingerprint
        pool = self._pool(entry)
        content = {
            "checkpoint": group.identity if self.model else str(self.reference),
            "task": [entry.task.name, entry.task.version, entry.task.family, entry.task.metric],
            "unit": [unit.language, unit.split],
            "options": as_plain(family.options),
            "data": [data.fingerprint, dev_fingerprint, *([pool.fingerprint] if pool else [])],
            "dtype": self.dtype,
            **({"variant": variant.identity} if variant.identity else {}),
        }
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        candidates = pool.examples if pool else ()
        examples = UnitExamples(unit.task, unit.language, unit.split, variant.examples, dev, candidates)
        return Ready(entry, examples, data, key, variant.facts)

    def _parallel(self, entry: PlannedUnit) -> Iterator[tuple[str, Sequence[Any], str]]:
        """The task's other languages, from the next one on: code, examples and fingerprint of those that can be read."""
        split, _ = split_of(entry.unit.split)
        codes = list(entry.task.languages)
        place = codes.index(entry.unit.language)
        for code in codes[place + 1 :] + codes[:place]:
            if split in entry.task.languages[code]:
                try:
                    loaded = self.stages.load(entry.task, entry.task.languages[code][split], None)
                except DataError:
                    continue
                yield code, loaded.examples, loaded.fingerprint

    def _pool(self, entry: PlannedUnit) -> LoadedSplit | None:
        """The candidates that the queries of all languages search, read once."""
        task = entry.task
        if task.pool is not None and task.name not in self._pools:
            self._pools[task.name] = self.stages.load(task, task.pool, None)
        return self._pools.get(task.name)

    def _forward(self, family: Predictor, checkpoint: ResolvedModel | Stage) -> Forward:
        if isinstance(checkpoint, Stage):
            folder = train_claimed(self.stages, checkpoint).folder
            self._note_stages(checkpoint)
        else:
            folder = checkpoint.folder
        tokenizer = load_tokenizer(folder)
        model = family.load(str(folder), dtype="float32")
        if family.trainable and self.options.train == "never":
            check_head(model, folder)
        return Forward(
            model.to(self.device).eval(),
            tokenizer,
            self.device,
            self.dtype,
            self.options.batch_tokens,
            build_index=self.registry.hook.implemented("harness_build_index"),
        )

    def _note_stages(self, checkpoint: ResolvedModel | Stage | None) -> None:
        """Puts the trained stages that lead to a checkpoint into the record, parents first."""
        if not isinstance(checkpoint, Stage):
            return
        self._note_stages(checkpoint.parent)
        self._lineage.append(checkpoint.key)
        trained = self.stages.trained.get(checkpoint.key)
        if trained is None or checkpoint.key in self._noted:
            return
        self._noted.add(checkpoint.key)
        with self.run.changing() as record:
            if checkpoint.key not in {entry["key"] for entry in record["stages"]}:
                record["stages"].append(dict(trained.summary))

    def _guess(self, ready: Ready, family: Predictor) -> Prediction:
        sources = training_tasks(ready.planned.task, self.registry)
        train: Sequence[Any] = ()
        if sources and family.trainable and self.reference.name == "majority":
            train = self.stages.training_split(sources[-1], "train").examples
        return Prediction(ready.examples, family.guess(self.reference.name, train, ready.examples, seed=0), {})

    def _keep(self, todo: Sequence[Ready], predictions: Iterable[Prediction]) -> None:
        """Writes, scores and records each unit as soon as it is predicted."""
        waiting = {ready.planned.unit.key: ready for ready in todo}
        last = time.monotonic()
        for prediction in predictions:
            unit = Unit(prediction.unit.task, prediction.unit.language, prediction.unit.split)
            entry = self._score(waiting[unit.key], prediction)
            entry["seconds"] = round(time.monotonic() - last, 3)
            last = time.monotonic()
            with self.run.changing() as record:
                record["units"][unit.key] = entry
                record["failed"].pop(unit.key, None)
            self._reported.add(unit.key)
            self.reporter.unit(unit, entry, cached=False)

    def _score(self, ready: Ready, prediction: Prediction) -> dict[str, Any]:
        planned, unit = ready.planned, ready.planned.unit
        task, format_ = planned.task, self.stages.format(planned.task.family)
        predictions = self.run.file("predictions", unit, format_.extension)
        labels = self.run.file("labels", unit, format_.extension)
        format_.write_predictions(predictions, ready.examples.examples, prediction.predictions)
        labelled = format_.write_labels(labels, ready.examples.examples)
        entry: dict[str, Any] = {
            "key": ready.key,
            "task_version": task.version,
            "provider": task.provider,
            "examples": len(ready.examples.examples),
            "data": {
                "rows": ready.data.rows,
                "expected": ready.data.expected,
                "fingerprint": ready.data.fingerprint,
                "source": ready.data.source,
                "state": planned.status.state if planned.status else None,
                "notes": list(ready.data.notes),
            },
            "predictions": self._file_entry(predictions),
            "labels": self._file_entry(labels) if labelled else None,
            "facts": {**prediction.facts, **ready.facts},
            "score": None,
        }
        if labelled:
            metric = get_metric(task.metric)
            scored = score_unit(task.name, metric, format_, unit.language, predictions, labels, task.labels)
            entry["score"] = scored.to_dict()
        return entry

    def _file_entry(self, path: Path) -> dict[str, str]:
        return {"file": path.relative_to(self.run.path).as_posix(), "sha256": file_sha256(path)}

    def _all_failed(self, units: Sequence[PlannedUnit], error: HarnessError) -> None:
        for entry in units:
            if entry.unit.key not in self._reported | self._elsewhere:
                self._failed(entry.unit, error)

    def _failed(self, unit: Unit, error: HarnessError) -> None:
        log.debug("%s failed", unit.key, exc_info=error)
        self._reported.add(unit.key)
        with self.run.changing() as record:
            record["failed"][unit.key] = f"{error}" + (f" ({error.hint})" if error.hint else "")
        self.reporter.failed(unit, error)

    def _describe(self, record: dict[str, Any]) -> None:
        record["model"] = {"reference": str(self.reference), "kind": self.reference.kind}
        if self.model is not None:
            record["model"] |= {
                "revision": self.model.revision,
                "fingerprint": self.model.fingerprint,
                "architecture": (self.model.config.get("architectures") or [None])[0],
                "hidden_size": self.model.hidden_size,
                "parameters": self.model.parameters,
            }
            if self.model.pickled:
                record["model"]["converted_from"] = dict(self.model.pickled)
        record["options"] = {
            **as_plain(replace(self.options, data_dir=None, stages_dir=None)),
            "recipe": {"name": self.recipe.name, "version": self.recipe.version, "provider": self.recipe.provider},
            "device": self.device,
            "dtype": self.dtype,
        }


def _streams(prepared: Sequence[Ready], family: Predictor) -> Iterator[list[Ready]]:
    """What is claimed and predicted at a time: as many units as fill one stream; all of a family that shares between them."""
    if not isinstance(family, HeadFamily) or family.joins:
        if prepared:
            yield list(prepared)
        return
    stream: list[Ready] = []
    rows = 0
    for ready in prepared:
        stream.append(ready)
        rows += len(ready.examples.examples)
        if rows >= STREAM_ROWS:
            yield stream
            stream, rows = [], 0
    if stream:
        yield stream
