"""Carries out a run: train what is missing, predict, write the official files, score them, keep the record."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import cast

from harness.core.claims import Taken, is_free
from harness.core.errors import DataError, HarnessError, ModelError, PluginError, UsageError
from harness.core.files import disk_refusal
from harness.evaluation.groups import Group, check_options, grouped, make_group
from harness.evaluation.plan import PlannedUnit, plan_again
from harness.evaluation.precision import checked
from harness.evaluation.preparation import Preparation, Ready
from harness.evaluation.unit_record import keep_unit
from harness.families.base import HeadFamily, Predictor
from harness.inference.batching import STREAM_ROWS, filled
from harness.inference.forward import Forward
from harness.inference.timing import Phases
from harness.models.device import choose_batch_tokens, choose_device, choose_dtype
from harness.models.load import check_head, load_tokenizer
from harness.models.quantised import after_loading, check_quant, quantised
from harness.models.reference import ModelReference
from harness.models.resolve import ResolvedModel, resolve_model
from harness.registry.attribution import blame
from harness.registry.registry import Registry
from harness.runs.folder import RunFolder, lineage_of
from harness.runs.identity import run_identity
from harness.training.chain import Stages, options_of
from harness.training.shared import train_claimed
from harness.training.stage import Stage
from harness.types.options import EvalOptions, as_plain
from harness.types.progress import ProgressListener
from harness.types.record import IdentityRecord, OptionsRecord, RunRecord, StageRecord
from harness.types.tasks import Recipe
from harness.types.units import Prediction, Unit

log = logging.getLogger(__name__)

POLL = 0.2
"""Seconds between looks at what other processes are working on."""
CLAIMED_ROWS = 4 * STREAM_ROWS
"""Examples that a process claims at a time: some streams, so that the next can be tokenised during one."""


class Evaluator:
    """One run of one model over planned units."""

    def __init__(
        self,
        run: RunFolder,
        registry: Registry,
        reference: ModelReference,
        recipe: Recipe,
        options: EvalOptions,
        reporter: ProgressListener,
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
        check_quant(options.quant, self.device)
        self.model = model
        self._lineage: list[str] = []
        self._noted: set[str] = set()
        self._reported: set[str] = set()
        self._kept: set[str] = set()
        self._elsewhere: set[str] = set()
        self._blocked: Path | None = None
        self.phases = Phases()
        self.stages = Stages(
            registry,
            recipe,
            options,
            device=self.device,
            dtype=self.dtype,
            root=Path(options.stages_dir) if options.stages_dir else run.path.parent / "stages",
            begin=reporter.training,
        )
        self.preparation = Preparation(self.stages, str(reference))

    def evaluate(self, planned: Sequence[PlannedUnit], benchmark: str | None = None) -> list[PlannedUnit]:
        """Scores every present unit that is not done; the record ends up complete, with what is missing and failed.

        The answer is the plan, and with it the units of earlier commands in this folder that the present one would give
        again. Everything else that the folder holds is set aside, before anything is computed.

        Other processes may do the same at the same time: each claims what it works on, and at the end waits for what
        the others have claimed, or does it where they end without a result.
        """
        self.resolve()
        absent = [entry for entry in planned if not entry.present]
        self._begin(planned)
        with self.run.changing() as record:
            record["missing"] = {entry.unit.key: entry.reason for entry in absent if not entry.damaged}
            record["failed"] = {entry.unit.key: entry.reason for entry in absent if entry.damaged}
            self._describe(record)
        started = time.monotonic()
        with self.phases("load"):
            more = self._check_kept(planned, benchmark)
        waiting: list[tuple[list[PlannedUnit], Path | None]] = [
            (units, None) for units in grouped([entry for entry in planned if entry.present], self.stages)
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
            for unit in record["units"].values():  # other processes' as well
                lineage += [stage["key"] for stage in lineage_of(unit.get("checkpoint", ""), record["stages"])]
            stages = [entry for entry in record["stages"] if entry["key"] in lineage]
            record["stages"] = sorted(stages, key=lambda entry: lineage.index(entry["key"]))
            timings = record["timings"]
            timings["seconds"] = round(timings.get("seconds", 0) + time.monotonic() - started, 3)
            phases = timings.setdefault("phases", {})
            for name, seconds in self.phases.seconds.items():
                phases[name] = round(phases.get(name, 0) + seconds, 3)
        return [*planned, *more]

    def _begin(self, planned: Sequence[PlannedUnit]) -> None:
        """Sets aside what a run of another model or of other options left in this folder.

        A command that cannot be carried out as it is given (UsageError) is refused before that.
        """
        before, identity = len(self.run.record["units"]), self._identity()
        if before and not self.run.is_of(identity):
            for units in grouped([entry for entry in planned if entry.present], self.stages):
                with suppress(DataError, ModelError, PluginError):
                    make_group(units, self.stages, self.model)
        moved = self.run.begin(identity)
        if moved is not None:
            self.reporter.note(f"{before} results of another model or of other options: set aside in {moved}")

    def _check_kept(self, planned: Sequence[PlannedUnit], benchmark: str | None) -> list[PlannedUnit]:
        """Sets aside the units of the record that this command would not give again; the others that it does not plan.

        A unit is given again if its key would be the same: that of its data, its task and the checkpoint behind it.
        """
        recorded = set(self.run.record["units"])
        if not recorded:
            return []
        units = {entry.unit.key for entry in planned}
        others = plan_again(
            self.registry,
            [Unit.of(key) for key in sorted(recorded - units)],
            benchmark=benchmark,
            data_dir=Path(self.options.data_dir) if self.options.data_dir else None,
            offline=self.options.offline,
        )
        alone = {entry.task.name for entry in planned}
        entries = [entry for entry in [*planned, *others] if entry.present]
        found: list[PlannedUnit] = []
        for group in grouped(entries, self.stages):
            if not recorded & {entry.unit.key for entry in group}:
                continue
            try:
                made = make_group(group, self.stages, self.model)
                # What hangs on the other units of its task is asked for together, as this command asks for it.
                chosen = [e for e in made.units if e.unit.key in units or e.task.name not in alone]
                wanted = chosen if made.family.joins else [e for e in made.units if e.unit.key in recorded]
                prepared = [self.preparation.prepare(entry, made) for entry in wanted]
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # it is raised again, and told, when the turn of these units comes
                log.debug("%s: %s", group[0].unit.key, error)
                continue
            same = [
                ready
                for ready in self.preparation.joined(prepared, made.family)
                if self.run.done(ready.planned.unit, ready.key)
            ]
            found += [ready.planned for ready in same]
            if same:
                self._note_stages(made.checkpoint)
            if not made.family.joins:
                self._kept |= {ready.planned.unit.key for ready in same}
        stale = recorded - {entry.unit.key for entry in found}
        if stale:
            moved = self.run.set_aside(stale)
            shown = ", ".join(sorted(stale)[:5]) + (" ..." if len(stale) > 5 else "")
            self.reporter.note(f"{shown}: of other data, or not to be checked by this command; set aside in {moved}")
        return [entry for entry in found if entry.unit.key not in units]

    def check(self, planned: Sequence[PlannedUnit]) -> None:
        """Refuses options that nothing in the plan knows."""
        check_options(planned, self.stages)

    def identity(self, planned: Sequence[PlannedUnit]) -> str:
        """What must be alike between processes that share a run: what they measure, and the units."""
        return json.dumps([self._identity()["sha256"], [entry.unit.key for entry in planned]])

    def _identity(self) -> IdentityRecord:
        families = (options_of(family) for family in self.registry.families().values())
        model = self.model.fingerprint if self.model else str(self.reference)
        return run_identity(model, self.options, self.recipe, self.dtype, [kind for kind in families if kind])

    def train_all(self, planned: Sequence[PlannedUnit]) -> None:
        """Trains every stage that :meth:`evaluate` will need, and nothing else (all processes of a launch take part)."""
        self.resolve()
        for units in grouped([entry for entry in planned if entry.present], self.stages):
            checkpoint = make_group(units, self.stages, self.model).checkpoint
            if isinstance(checkpoint, Stage):
                self.stages.train(checkpoint)

    def resolve(self) -> None:
        """Finds the model and takes its fingerprint."""
        if self.reference.kind != "baseline" and self.model is None:
            self.reporter.note(f"model {self.reference}")
            loader = self.registry.hook.harness_load_encoder
            self.model = resolve_model(
                self.reference,
                offline=self.options.offline,
                loader=loader,
                allow_pickle=self.options.allow_pickle,
                trust_remote_code=self.options.trust_remote_code,
            )
        if self.model is not None:
            self.stages.start_from(self.model)

    def _evaluate_units(self, units: Sequence[PlannedUnit], *, again: bool) -> list[PlannedUnit]:
        """Evaluates units of one group; the answer is those that are left to other processes, for now."""
        self._elsewhere, self._blocked = set(), None
        if again:  # what another process tried and could not do is not tried again
            failed = self.run.refresh()["failed"]
            units = [entry for entry in units if entry.unit.key not in failed]
        try:
            if units:
                with self._failing(units):
                    self._evaluate_group(make_group(units, self.stages, self.model))
        except Taken as taken:
            self._blocked = taken.path
        return [entry for entry in units if entry.unit.key not in self._reported]

    @contextmanager
    def _failing(self, units: Sequence[PlannedUnit]) -> Iterator[None]:
        """Fails these units, those that have a result excepted, with whatever is raised within; then others go on.

        What fails every unit is raised: a wrong option, a full disk, Ctrl-C.
        """
        try:
            yield
        except (UsageError, Taken, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if not isinstance(error, HarnessError) and disk_refusal(error):
                raise
            blamed = blame(error, units[0].task, self.registry)
            for entry in units:
                if entry.unit.key not in self._reported | self._elsewhere:
                    self._failed(entry.unit, blamed)

    def _evaluate_group(self, group: Group) -> None:
        prepared = []
        for entry in group.units:
            if entry.unit.key in self._kept:
                self._report_kept(entry.unit)
                continue
            with self._failing([entry]), self.phases("load"):
                prepared.append(self.preparation.prepare(entry, group))
        self._note_stages(group.checkpoint)
        forward: Forward | None = None
        with ExitStack() as stack:
            for stream in _streams(self.preparation.joined(prepared, group.family), group.family):
                with self._claimed(stream, group.family) as claimed:
                    todo = self._todo(claimed, group.family)
                    if todo and group.checkpoint is None:
                        self._keep(todo, (self._guess(ready, group) for ready in todo))
                        continue
                    if todo and forward is None:
                        assert group.checkpoint is not None
                        with self.phases("model"):
                            forward = self._forward(group.family, group.checkpoint)
                        size = sum(len(ready.examples.examples) for ready in prepared) + len(todo[0].examples.pool)
                        name = group.units[0].task.name
                        forward.progress = stack.enter_context(self.reporter.predicting(name, size))
                    if todo and forward is not None:
                        self._keep(todo, self._predictions(group.family, forward, todo))

    def _predictions(self, family: Predictor, forward: Forward, todo: Sequence[Ready]) -> Iterator[Prediction]:
        units = [ready.examples for ready in todo]
        predictions = family.predict(forward, units)
        if forward.padding != "right":
            facts = {"padding": forward.padding}
            predictions = (replace(found, facts={**found.facts, **facts}) for found in predictions)
        if isinstance(family, HeadFamily) and forward.dtype != "fp32":
            return checked(family, forward, units, predictions)
        return predictions

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
        done = {
            ready.key
            for ready in claimed
            if self.run.done(ready.planned.unit, ready.key)
            or self.run.adopt(ready.planned.unit, ready.key, ready.checkpoint)
        }
        if family.joins and len(done) < len(claimed):
            done = set()
        for ready in claimed:
            if ready.key in done:
                self._report_kept(ready.planned.unit)
        return [ready for ready in claimed if ready.key not in done]

    def _report_kept(self, unit: Unit) -> None:
        self._reported.add(unit.key)
        self.reporter.unit(unit, self.run.record["units"][unit.key], cached=True)

    def _forward(self, family: Predictor, checkpoint: ResolvedModel | Stage) -> Forward:
        if isinstance(checkpoint, Stage):
            with self.phases("train"):
                folder = train_claimed(self.stages, checkpoint).folder
            self._note_stages(checkpoint)
        else:
            folder = checkpoint.folder
        tokenizer = load_tokenizer(folder)
        few_bits = quantised(self.options.quant, self.device, self.dtype)
        model = after_loading(family.load(str(folder), dtype="float32", **few_bits))
        if family.trainable and self.options.train == "never":
            check_head(model, folder)
        model = model.to(self.device).eval()
        if self.options.compiled:
            model.compile(dynamic=True)
        return Forward(
            model,
            tokenizer,
            self.device,
            self.dtype,
            choose_batch_tokens(self.options.batch_tokens, self.device),
            build_index=self.registry.hook.implemented("harness_build_index"),
            phases=self.phases,
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
                record["stages"].append(cast(StageRecord, dict(trained.summary)))

    def _guess(self, ready: Ready, group: Group) -> Prediction:
        train = self.preparation.learned_from(ready.planned.task, group)
        examples = train.examples if train else ()
        guessed = group.family.guess(self.reference.name, examples, ready.examples, seed=0)
        return Prediction(ready.examples, guessed, {})

    def _keep(self, todo: Sequence[Ready], predictions: Iterable[Prediction]) -> None:
        """Writes, scores and records each unit as soon as it is predicted."""
        waiting = {ready.planned.unit.key: ready for ready in todo}
        last = time.monotonic()
        for prediction in predictions:
            unit = Unit(prediction.unit.task, prediction.unit.language, prediction.unit.split)
            ready = waiting[unit.key]
            format_ = self.stages.format(ready.planned.task.family)
            with self._failing([ready.planned]):
                entry = keep_unit(self.run, format_, ready, prediction, self.phases)
                entry["seconds"] = round(time.monotonic() - last, 3)
                last = time.monotonic()
                with self.phases("record"), self.run.changing() as record:
                    self.run.stamp(entry)
                    record["units"][unit.key] = entry
                    record["failed"].pop(unit.key, None)
                self._reported.add(unit.key)
                self.reporter.unit(unit, entry, cached=False)

    def _failed(self, unit: Unit, error: HarnessError) -> None:
        log.debug("%s failed", unit.key, exc_info=error)
        self._reported.add(unit.key)
        with self.run.changing() as record:
            record["failed"][unit.key] = f"{error}" + (f" ({error.hint})" if error.hint else "")
        self.reporter.failed(unit, error)

    def _describe(self, record: RunRecord) -> None:
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
            if self.model.code:
                record["model"]["code"] = dict(self.model.code)
        record["options"] = {
            **cast(OptionsRecord, as_plain(replace(self.options, data_dir=None, stages_dir=None))),
            "recipe": {"name": self.recipe.name, "version": self.recipe.version, "provider": self.recipe.provider},
            "device": self.device,
            "dtype": self.dtype,
        }


def _streams(prepared: Sequence[Ready], family: Predictor) -> Iterator[list[Ready]]:
    """What is claimed and predicted at a time: as many units as fill some streams; all of a family that shares between them."""
    if not isinstance(family, HeadFamily) or family.joins:
        if prepared:
            yield list(prepared)
        return
    yield from filled(prepared, lambda ready: len(ready.examples.examples), CLAIMED_ROWS)
