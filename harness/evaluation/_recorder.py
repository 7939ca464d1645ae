"""Records a run: its model and options, the stages behind it, and what becomes of each unit; reports every step of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from harness.core.claims import AlreadyClaimed, loss_said
from harness.core.errors import ClaimLost, HarnessError, TooLongForModel, UsageError
from harness.core.files import disk_refusal
from harness.evaluation._preparation import PreparedUnit
from harness.evaluation._unit_record import ScoredFiles, keep_unit, told_now
from harness.evaluation.plan import PlannedUnit
from harness.inference.timing import Timings
from harness.models.reference import ModelReference
from harness.models.resolve import ResolvedModel
from harness.models.tiny import tiny_languages
from harness.registry.attribution import attribute_error
from harness.runs.folder import RunFolder, lineage_of
from harness.training.context import RunContext
from harness.training.stage import Stage, TrainedStage
from harness.types.options import as_plain
from harness.types.progress import ProgressListener
from harness.types.record import OptionsRecord, StageRecord
from harness.types.units import Prediction, Unit

if TYPE_CHECKING:
    from harness.families.base import Predictor
    from harness.types.record import ModelRecord

log = logging.getLogger(__name__)


class Recorder:
    """Writes the record of a run and tells its reporter.

    ``reported`` are the keys of units that have a result or have failed, ``scores`` the scores of those scored here.
    """

    def __init__(self, run: RunFolder, context: RunContext, reporter: ProgressListener) -> None:
        self.run = run
        self.context = context
        self.reporter = reporter
        self.phases = Timings()
        self.reported: set[str] = set()
        self.scores: dict[str, ScoredFiles] = {}
        self._lineage: list[str] = []
        self._noted: set[str] = set()
        self._started = time.monotonic()

    def begin(self, reference: ModelReference, model: ResolvedModel | None, absent: Sequence[PlannedUnit]) -> None:
        """Describes the model and the options, and the units that cannot be predicted."""
        with self.run.changing() as record:
            record["missing"] = {entry.unit.key: entry.reason for entry in absent if not entry.damaged}
            record["failed"] = {entry.unit.key: entry.reason for entry in absent if entry.damaged}
            record["model"] = _described(reference, model)
            recipe, compute = self.context.recipe, self.context.compute
            record["options"] = {
                **cast(OptionsRecord, as_plain(replace(self.context.options, data_dir=None, stages_dir=None))),
                "recipe": {"name": recipe.name, "version": recipe.version, "provider": recipe.provider},
                "device": compute.device,
                "dtype": compute.dtype,
            }
        self._started = time.monotonic()

    def needs(self, stages: Sequence[Stage]) -> None:
        """Names the stages that are going to be used, so that none is taken for one that no run needs."""
        with self.run.changing() as record:
            record["needs"] = sorted({*record.get("needs", ()), *(stage.key for stage in stages)})

    def end(self) -> None:
        """Leaves the stages that lead to a unit, parents first, and adds up the times."""
        with self.run.changing() as record:
            lineage = list(dict.fromkeys(self._lineage))
            for unit in record["units"].values():  # other processes' as well
                lineage += [stage["key"] for stage in lineage_of(unit.get("checkpoint", ""), record["stages"])]
            stages = [entry for entry in record["stages"] if entry["key"] in lineage]
            record["stages"] = sorted(stages, key=lambda entry: lineage.index(entry["key"]))
            record.pop("needs", None)
            timings = record["timings"]
            timings["seconds"] = round(timings.get("seconds", 0) + time.monotonic() - self._started, 3)
            phases = timings.setdefault("phases", {})
            for name, seconds in self.phases.seconds.items():
                phases[name] = round(phases.get(name, 0) + seconds, 3)

    def stages(self, checkpoint: ResolvedModel | Stage | None, trained: Callable[[str], TrainedStage | None]) -> None:
        """Puts the stages that lead to a checkpoint into the record if they are ``trained``, parents first."""
        if not isinstance(checkpoint, Stage):
            return
        self.stages(checkpoint.parent, trained)
        self._lineage.append(checkpoint.key)
        found = trained(checkpoint.key)
        if found is None or checkpoint.key in self._noted:
            return
        self._noted.add(checkpoint.key)
        with self.run.changing() as record:
            if checkpoint.key not in {entry["key"] for entry in record["stages"]}:
                record["stages"].append(cast(StageRecord, dict(found.summary)))

    def told_now(self, ready: PreparedUnit) -> None:
        """Puts what is said of the data of a unit that is done now in the place of what was said when it was scored."""
        key = ready.planned.unit.key
        if told_now(self.run.record["units"][key], ready) != self.run.record["units"][key]:
            with self.run.changing() as record:
                record["units"][key] = told_now(record["units"][key], ready)

    def stages_told_now(self, stages: Sequence[Stage]) -> None:
        """The same of stages behind units that are done."""
        by_key = {stage.key: stage for stage in stages}

        def now(entry: StageRecord) -> StageRecord:
            return cast(StageRecord, by_key[entry["key"]].told_now(entry)) if entry["key"] in by_key else entry

        if any(now(entry) != entry for entry in self.run.record["stages"]):
            with self.run.changing() as record:
                record["stages"] = [now(entry) for entry in record["stages"]]

    def kept(self, unit: Unit) -> None:
        """A unit has the result that is in the record."""
        self.reported.add(unit.key)
        self.reporter.unit(unit, self.run.record["units"][unit.key], cached=True)

    def keep(self, todo: Sequence[PreparedUnit], predictions: Iterable[Prediction], family: Predictor) -> None:
        """Writes, scores and records each unit as soon as it is predicted."""
        waiting = {ready.planned.unit.key: ready for ready in todo}
        last = time.monotonic()
        for prediction in predictions:
            unit = Unit(prediction.unit.task, prediction.unit.language, prediction.unit.split)
            ready = waiting[unit.key]
            format_ = self.context.format(ready.planned.task.family)
            with self.failing([ready.planned]):
                entry, score = keep_unit(self.run, format_, ready, prediction, family, self.phases)
                entry["seconds"] = round(time.monotonic() - last, 3)
                last = time.monotonic()
                with self.phases("record"), self.run.changing() as record:
                    self.run.stamp(entry)
                    record["units"][unit.key] = entry
                    record["failed"].pop(unit.key, None)
                if score is not None:
                    self.scores[unit.key] = score
                self.reported.add(unit.key)
                self.reporter.unit(unit, entry, cached=False)

    @contextmanager
    def failing(self, units: Sequence[PlannedUnit], elsewhere: Collection[str] = ()) -> Iterator[None]:
        """Fails these units, except those with a result and those ``elsewhere``, with the error raised within; others continue.

        What fails every unit is raised: a wrong option, a full disk, a claim that was taken over, Ctrl-C.
        """
        try:
            with loss_said():
                yield
        except (AlreadyClaimed, ClaimLost, KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if isinstance(error, UsageError) and not isinstance(error, TooLongForModel):
                raise
            if not isinstance(error, HarnessError) and disk_refusal(error):
                raise
            blamed = attribute_error(error, units[0].task, self.context.registry)
            for entry in units:
                if entry.unit.key not in self.reported and entry.unit.key not in elsewhere:
                    self._failed(entry.unit, blamed)

    def _failed(self, unit: Unit, error: HarnessError) -> None:
        log.debug("%s failed", unit.key, exc_info=error)
        self.reported.add(unit.key)
        with self.run.changing() as record:
            record["failed"][unit.key] = f"{error}" + (f" ({error.hint})" if error.hint else "")
        self.reporter.failed(unit, error)


def _described(reference: ModelReference, model: ResolvedModel | None) -> ModelRecord:
    found: ModelRecord = {"reference": str(reference), "kind": reference.kind}
    if model is None:
        return found
    found |= {
        "revision": model.revision,
        "fingerprint": model.fingerprint,
        "architecture": (model.config.get("architectures") or [None])[0],
        "hidden_size": model.hidden_size,
        "parameters": model.parameters,
    }
    if model.copy_note:
        found["copy"] = model.copy_note
    if reference.kind == "tiny":
        found["languages"] = dict(tiny_languages(reference.name))
    if model.pickled:
        found["converted_from"] = dict(model.pickled)
    if model.code:
        found["code"] = dict(model.code)
    return found
