"""Carries out a run: train what is missing, predict, write the official files, score them, keep the record."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.errors import DataError, HarnessError, ModelError, UsageError
from harness.evaluate.forward import Forward
from harness.evaluate.plan import PlannedUnit, training_task
from harness.evaluate.reporter import Reporter
from harness.families.base import HeadFamily, Prediction, Predictor, UnitExamples
from harness.metrics import get_metric
from harness.models.device import choose_device, choose_dtype
from harness.models.fingerprint import file_sha256
from harness.models.load import check_head, load_tokenizer
from harness.models.reference import ModelReference
from harness.models.resolve import ResolvedModel, resolve_model
from harness.options import EvalOptions, TrainOptions, as_plain, build, check_keys, option_values
from harness.registry import Registry, load_object
from harness.runs.folder import RunFolder
from harness.scoring import score_unit
from harness.select import Unit
from harness.specs import IntermediateTask, Recipe
from harness.submission.base import Format
from harness.train.stage import Stage, TrainedStage, finished, train_stage

if TYPE_CHECKING:
    from harness.data.sources import LoadedSplit

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ready:
    """A unit with its examples loaded and the key under which its result is kept."""

    planned: PlannedUnit
    examples: UnitExamples
    data: LoadedSplit
    key: str


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
    ) -> None:
        self.run = run
        self.registry = registry
        self.reference = reference
        self.recipe = recipe
        self.options = options
        self.reporter = reporter
        self.data_dir = Path(options.data_dir) if options.data_dir else None
        self.stages_root = Path(options.stages_dir) if options.stages_dir else run.path.parent / "stages"
        self.baseline = reference.name if reference.kind == "baseline" else None
        self.device = choose_device(options.device)
        self.dtype = choose_dtype(options.dtype, self.device)
        self.model: ResolvedModel | None = None
        self._trained: dict[str, TrainedStage] = {}
        self._splits: dict[tuple[str, str], LoadedSplit] = {}

    def evaluate(self, planned: Sequence[PlannedUnit]) -> None:
        """Scores every present unit that is not done; the record ends up complete, with what is missing and failed."""
        self._check_options(planned)
        record = self.run.record
        record["missing"] = {entry.unit.key: entry.reason for entry in planned if not entry.present}
        record["failed"] = {}
        if self.baseline is None:
            self.reporter.note(f"model {self.reference}")
            self.model = resolve_model(self.reference, offline=self.options.offline)
        self._describe_model()
        self.run.save()
        started = time.monotonic()
        for group in self._groups([entry for entry in planned if entry.present]):
            try:
                self._evaluate_group(group)
            except (DataError, ModelError) as error:
                for entry in group:
                    self._failed(entry.unit, error)
        record["timings"]["seconds"] = round(record["timings"].get("seconds", 0) + time.monotonic() - started, 3)
        self.run.save()

    # What belongs together: units of one checkpoint, one family and one set of options go through one stream.

    def _groups(self, present: Sequence[PlannedUnit]) -> list[list[PlannedUnit]]:
        groups: dict[str, list[PlannedUnit]] = {}
        for entry in present:
            names = self._stage_names(entry)
            options = as_plain(self._family(entry).options)
            name = json.dumps([names, entry.task.family, options, entry.task.labels], sort_keys=True)
            groups.setdefault(name, []).append(entry)
        return list(groups.values())

    def _stage_names(self, entry: PlannedUnit) -> list[str]:
        """The training tasks between the model and this unit, in order."""
        if self.baseline is not None:
            return []
        names = list(self.options.via)
        if self.options.train == "auto" and self._family(entry).trainable:
            task = training_task(entry.task, self.registry)
            if task is None:
                raise UsageError(f"task {entry.task.name!r} has no English training data", hint="use --train never")
            names.append(task.name)
        return names

    def _family(self, entry: PlannedUnit) -> Predictor:
        task = entry.task
        source = training_task(task, self.registry)
        return self._family_of(task.family, task.labels, [*([source.name] if source else []), task.name], task.options)

    def _family_of(self, name: str, labels: tuple[str, ...], names: list[str], own: Any) -> Predictor:
        kind = load_object(self.registry.family(name).implementation)
        values = {**own, **self._values(names)}
        return kind(labels, build(kind.Options, values))  # type: ignore[no-any-return]

    def _values(self, names: Sequence[str]) -> dict[str, Any]:
        large = self.model is not None and self.model.hidden_size >= 1024
        return option_values(self.recipe, names, large=large, overrides=self.options.overrides)

    def _check_options(self, planned: Sequence[PlannedUnit]) -> None:
        kinds = [load_object(family.implementation).Options for family in self.registry.families().values()]
        tasks = {entry.task.name for entry in planned} | set(self.options.via)
        for entry in planned:
            source = training_task(entry.task, self.registry)
            tasks |= {source.name} if source else set()
        check_keys(self.recipe, self.options.overrides, kinds, tasks)
        for name in self.options.via:
            self.registry.intermediate(name)

    # Stages

    def _checkpoint(self, names: Sequence[str], group: Sequence[PlannedUnit]) -> ResolvedModel | Stage:
        """The model or stage that predicts these units; nothing is trained yet."""
        assert self.model is not None
        checkpoint: ResolvedModel | Stage = self.model
        for position, name in enumerate(names):
            own = training_task(group[0].task, self.registry) if position == len(names) - 1 else None
            task = own if own is not None and own.name == name and position >= len(self.options.via) else None
            checkpoint = self._stage(task or self.registry.intermediate(name), checkpoint)
        return checkpoint

    def _stage(self, task: IntermediateTask, parent: ResolvedModel | Stage) -> Stage:
        family = self._family_of(task.family, task.labels, [task.name], task.options)
        train = self._load(task, "train", task.train, self.options.train_limit)
        dev = self._load(task, "dev", task.dev, self.options.train_limit) if task.dev.sources else None
        options = build(TrainOptions, self._values([task.name]))
        return Stage(task, parent, train, dev, options, family.options, self.dtype)

    def _load(self, task: Any, name: str, split: Any, limit: int | None) -> LoadedSplit:
        known = self._splits.get((task.name, name))
        if known is None:
            known = self._read(task, split, limit)
            self._splits[task.name, name] = known
        return known

    def _read(self, task: Any, split: Any, limit: int | None) -> LoadedSplit:
        from harness.data.sources import load_examples

        return load_examples(task, split, data_dir=self.data_dir, offline=self.options.offline, limit=limit)

    def _train(self, stage: Stage) -> TrainedStage:
        if stage.key in self._trained:
            return self._trained[stage.key]
        parent = self._train(stage.parent).folder if isinstance(stage.parent, Stage) else stage.parent.folder
        trained = finished(stage, self.stages_root)
        if trained is None:
            family = self._family_of(stage.task.family, stage.task.labels, [stage.task.name], stage.task.options)
            if not isinstance(family, HeadFamily):
                raise UsageError(f"tasks of the family {stage.task.family!r} cannot be trained on")
            tell = self.reporter.training(stage.task.name)
            trained = train_stage(
                stage, parent, self.stages_root, family, self._format(stage.task.family), device=self.device, tell=tell
            )
        self._trained[stage.key] = trained
        stages = [entry for entry in self.run.record["stages"] if entry["key"] != stage.key]
        self.run.record["stages"] = [*stages, dict(trained.summary)]
        self.run.save()
        return trained

    # Units

    def _evaluate_group(self, group: Sequence[PlannedUnit]) -> None:
        family = self._family(group[0])
        checkpoint = None if self.baseline else self._checkpoint(self._stage_names(group[0]), group)
        todo = []
        for entry in group:
            try:
                ready = self._prepare(entry, family, checkpoint)
            except DataError as error:
                self._failed(entry.unit, error)
                continue
            if self.run.done(entry.unit, ready.key):
                self.reporter.unit(entry.unit, self.run.record["units"][entry.unit.key], cached=True)
            else:
                todo.append(ready)
        if not todo:
            return
        if checkpoint is None:
            self._keep(todo, (self._guess(ready, family) for ready in todo))
        else:
            forward = self._forward(family, checkpoint, trained=isinstance(checkpoint, Stage))
            with self.reporter.predicting(group[0].task.name, sum(len(r.examples.examples) for r in todo)) as advance:
                forward.progress = advance
                self._keep(todo, family.predict(forward, [ready.examples for ready in todo]))

    def _prepare(self, entry: PlannedUnit, family: Predictor, checkpoint: ResolvedModel | Stage | None) -> Ready:
        assert entry.split is not None
        data = self._read(entry.task, entry.split, self.options.limit)
        dev: Sequence[Any] = ()
        dev_fingerprint = None
        if family.needs_dev and entry.unit.split != "dev":
            split = entry.task.languages[entry.unit.language].get("dev")
            if split is None:
                raise DataError(f"{entry.unit.key}: no dev split to learn the threshold on")
            loaded = self._read(entry.task, split, self.options.limit)
            dev, dev_fingerprint = loaded.examples, loaded.fingerprint
        if not data.examples:
            raise DataError(f"{entry.unit.key}: the split holds no example", hint=", ".join(map(str, data.files)))
        content = {
            "checkpoint": f"baseline:{self.baseline}"
            if checkpoint is None
            else checkpoint.key
            if isinstance(checkpoint, Stage)
            else checkpoint.fingerprint,
            "task": [entry.task.name, entry.task.version, entry.task.family, entry.task.metric],
            "split": entry.unit.split,
            "options": as_plain(family.options),
            "data": [data.fingerprint, dev_fingerprint],
            "dtype": self.dtype,
        }
        key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
        unit = entry.unit
        return Ready(entry, UnitExamples(unit.task, unit.language, unit.split, data.examples, dev), data, key)

    def _forward(self, family: Predictor, checkpoint: ResolvedModel | Stage, *, trained: bool) -> Forward:
        folder = self._train(checkpoint).folder if isinstance(checkpoint, Stage) else checkpoint.folder
        tokenizer = load_tokenizer(folder)
        model = family.load(str(folder), dtype="float32")
        if family.trainable and not trained:
            check_head(model, folder)
        model = model.to(self.device).eval()
        return Forward(model, tokenizer, self.device, self.dtype, self.options.batch_tokens)

    def _guess(self, ready: Ready, family: Predictor) -> Prediction:
        assert self.baseline is not None
        source = training_task(ready.planned.task, self.registry)
        train: Sequence[Any] = ()
        if source is not None and self.baseline == "majority":
            train = self._load(source, "train", source.train, self.options.train_limit).examples
        guessed = family.guess(self.baseline, train, ready.examples, seed=0)
        return Prediction(ready.examples, guessed, {})

    def _keep(self, todo: Sequence[Ready], predictions: Iterable[Prediction]) -> None:
        """Writes, scores and records each unit as soon as it is predicted."""
        waiting = {ready.planned.unit.key: ready for ready in todo}
        last = time.monotonic()
        for prediction in predictions:
            unit = Unit(prediction.unit.task, prediction.unit.language, prediction.unit.split)
            ready = waiting[unit.key]
            entry = self._score(ready, prediction)
            entry["seconds"] = round(time.monotonic() - last, 3)
            last = time.monotonic()
            self.run.record["units"][unit.key] = entry
            self.run.save()
            self.reporter.unit(unit, entry, cached=False)

    def _score(self, ready: Ready, prediction: Prediction) -> dict[str, Any]:
        planned, unit = ready.planned, ready.planned.unit
        task, format_ = planned.task, self._format(planned.task.family)
        predictions = self.run.file("predictions", unit, format_.extension)
        labels = self.run.file("labels", unit, format_.extension)
        format_.write_predictions(predictions, ready.examples.examples, prediction.predictions)
        labelled = format_.write_labels(labels, ready.examples.examples)
        entry: dict[str, Any] = {
            "key": ready.key,
            "task_version": task.version,
            "provider": task.provider,
            "examples": len(ready.examples.examples),
            "rows": ready.data.rows,
            "expected": ready.data.expected,
            "data": {
                "fingerprint": ready.data.fingerprint,
                "corpus": planned.status.state if planned.status else None,
                "notes": list(ready.data.notes),
            },
            "predictions": self._file_entry(predictions),
            "labels": self._file_entry(labels) if labelled else None,
            "facts": dict(prediction.facts),
            "score": None,
        }
        if labelled:
            metric = get_metric(task.metric)
            entry["score"] = score_unit(
                task.name, metric, format_, unit.language, predictions, labels, task.labels
            ).to_dict()
        return entry

    def _file_entry(self, path: Path) -> dict[str, str]:
        return {"file": path.relative_to(self.run.path).as_posix(), "sha256": file_sha256(path)}

    def _format(self, family: str) -> Format:
        return load_object(self.registry.family(family).format)()  # type: ignore[no-any-return]

    def _failed(self, unit: Unit, error: HarnessError) -> None:
        log.debug("%s failed", unit.key, exc_info=error)
        self.run.record["failed"][unit.key] = f"{error}" + (f" ({error.hint})" if error.hint else "")
        self.run.save()
        self.reporter.failed(unit, error)

    def _describe_model(self) -> None:
        record = self.run.record
        record["model"] = {"reference": str(self.reference), "kind": self.reference.kind}
        if self.model is not None:
            record["model"] |= {
                "revision": self.model.revision,
                "fingerprint": self.model.fingerprint,
                "architecture": (self.model.config.get("architectures") or [None])[0],
                "hidden_size": self.model.hidden_size,
            }
        options = replace(self.options, data_dir=None, stages_dir=None)
        record["options"] = {
            **as_plain(options),
            "recipe": {"name": self.recipe.name, "version": self.recipe.version, "provider": self.recipe.provider},
            "device": self.device,
            "dtype": self.dtype,
        }
