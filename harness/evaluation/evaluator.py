"""Carries out a run: train what is missing, predict, write the official files, score them, keep the record."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.core.claims import AlreadyClaimed
from harness.core.errors import DataError, ModelError, PluginError
from harness.core.interruption import GOES_ON, saying
from harness.evaluation._predict import guessed, open_checkpoint, predicted
from harness.evaluation._preparation import Preparation, PreparedUnit
from harness.evaluation._recorder import Recorder
from harness.evaluation._schedule import Turn, streams, work_off
from harness.evaluation.groups import CheckpointGroup, grouped, make_group, needed_stages
from harness.evaluation.plan import PlannedUnit, plan_again
from harness.families.base import HeadFamily, Predictor
from harness.models.reference import ModelReference
from harness.models.resolve import ResolvedModel
from harness.runs.folder import RunFolder
from harness.runs.identity import run_identity
from harness.training.chain import Stages
from harness.training.context import RunContext, options_of
from harness.training.shared import train_claimed, train_together
from harness.training.stage import Stage, finished
from harness.types.progress import ProgressListener
from harness.types.units import Unit

if TYPE_CHECKING:
    from harness.inference.forward import Forward
    from harness.types.record import IdentityRecord

log = logging.getLogger(__name__)

Chain = tuple[set[str], list[Stage]]
"""Keys of the units of a group, and the stages that lead to their checkpoint."""


class Evaluator:
    """One run of one model over planned units. ``model`` is None for a baseline, which ``reference`` names."""

    def __init__(
        self,
        run: RunFolder,
        context: RunContext,
        reference: ModelReference,
        model: ResolvedModel | None,
        reporter: ProgressListener,
    ) -> None:
        self.run = run
        self.context = context
        self.reference = reference
        self.model = model
        self.reporter = reporter
        self.recorder = Recorder(run, context, reporter)
        stages_dir = context.options.stages_dir
        root = Path(stages_dir) if stages_dir else run.path.parent / "stages"
        self.stages = Stages(context, root, reporter.training)
        self.preparation = Preparation(context, str(reference))
        self._kept: set[str] = set()

    def evaluate(self, planned: Sequence[PlannedUnit], benchmark: str | None = None) -> list[PlannedUnit]:
        """Scores every present unit that is not done; the record ends up complete, with what is missing and failed.

        The answer is the plan, and with it the units of earlier commands in this folder that the present one would give
        again. Everything else that the folder holds is set aside, before anything is computed.

        Other processes may do the same at the same time: each claims what it works on, and at the end waits for what
        the others have claimed, or does it where they end without a result.
        """
        present = [entry for entry in planned if entry.present]
        chains = self._chains(present)
        self._begin()
        self.recorder.begin(self.reference, self.model, [entry for entry in planned if not entry.present])
        with self.recorder.phases("load"):
            more = self._check_kept(planned, benchmark)
        with saying(lambda: self._kept_so_far(len(present))):
            self.recorder.needs(self._announce_stages(chains))
            work_off(grouped(present, self.context), self._evaluate_units)
        self.recorder.end()
        return [*planned, *more]

    def _chains(self, present: Sequence[PlannedUnit]) -> list[Chain]:
        """The stages of each group of units; those of units whose data or model are at fault are not known.

        A command that cannot be carried out as it is given (UsageError) is refused here, before anything is written.
        """
        found: list[Chain] = []
        for units in grouped(present, self.context):
            with suppress(DataError, ModelError, PluginError):
                found.append(({entry.unit.key for entry in units}, needed_stages(self._group(units).checkpoint)))
        return found

    def _announce_stages(self, chains: Sequence[Chain]) -> list[Stage]:
        """The stages that the units without a result need; tells which of them are not trained yet."""
        waiting = [stages for units, stages in chains if not units <= self._kept]
        needed = list({stage.key: stage for stages in waiting for stage in stages}.values())
        self.reporter.stages(self.stages.coming(needed))
        return needed

    def _kept_so_far(self, selected: int) -> str:
        scored = len(self.run.record["units"])
        return f"stopped, {scored} of {selected} units are scored and kept; {GOES_ON}"

    def train_all(self, planned: Sequence[PlannedUnit]) -> None:
        """Trains every stage that :meth:`evaluate` will need, and does no more (all processes of a launch take part)."""
        present = [entry for entry in planned if entry.present]
        self._announce_stages(self._chains(present))
        for units in grouped(present, self.context):
            checkpoint = self._group(units).checkpoint
            if isinstance(checkpoint, Stage):
                train_together(self.stages, checkpoint)

    def identity(self, planned: Sequence[PlannedUnit]) -> str:
        """Identity of a run that several processes share: what they measure, and the units."""
        return json.dumps([self._identity()["sha256"], [entry.unit.key for entry in planned]])

    def _identity(self) -> IdentityRecord:
        context = self.context
        families = (options_of(family) for family in context.registry.families().values())
        model = self.model.fingerprint if self.model else str(self.reference)
        kinds = [kind for kind in families if kind]
        return run_identity(model, context.options, context.recipe, context.compute.dtype, kinds)

    def _group(self, units: Sequence[PlannedUnit]) -> CheckpointGroup:
        return make_group(units, self.context, self.stages, self.model)

    def _begin(self) -> None:
        """Sets aside what a run of another model or of other options left in this folder."""
        before, identity = len(self.run.record["units"]), self._identity()
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
        earlier = [Unit.of(key) for key in sorted(recorded - units)]
        options = self.context.options
        others = plan_again(
            self.context.registry, self.context.data, earlier, benchmark, options.test_on, options.train_on
        )
        alone = {entry.task.name for entry in planned}
        entries = [entry for entry in [*planned, *others] if entry.present]
        found: list[PlannedUnit] = []
        for group in grouped(entries, self.context):
            if not recorded & {entry.unit.key for entry in group}:
                continue
            try:
                made = self._group(group)
                # Units that depend on the other units of their task are prepared together, as this command selects them.
                chosen = [e for e in made.units if e.unit.key in units or e.task.name not in alone]
                wanted = chosen if made.family.joins else [e for e in made.units if e.unit.key in recorded]
                prepared = (self.preparation.prepare(entry, made) for entry in wanted)
                same = []
                for ready in self.preparation.joined(prepared, made.family):
                    if self.run.done(ready.planned.unit, ready.key):
                        self.recorder.told_now(ready)
                        same.append(ready.planned)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # it is raised again, and reported, when the turn of these units comes
                log.debug("%s: %s", group[0].unit.key, error)
                continue
            found += same
            if same:
                self._record_stages(made)
                self.recorder.stages_told_now(needed_stages(made.checkpoint))
            if not made.family.joins:
                self._kept |= {entry.unit.key for entry in same}
        stale = recorded - {entry.unit.key for entry in found}
        if stale:
            moved = self.run.set_aside(stale)
            shown = ", ".join(sorted(stale)[:5]) + (" ..." if len(stale) > 5 else "")
            self.reporter.note(f"{shown}: of other data, or not to be checked by this command; set aside in {moved}")
        return [entry for entry in found if entry.unit.key not in units]

    def _evaluate_units(self, turn: Turn) -> list[PlannedUnit]:
        """Evaluates the units of a turn; returns those that are left to other processes, for now."""
        units = turn.units
        if turn.again:  # what another process tried and could not do is not tried again
            failed = self.run.refresh()["failed"]
            units = [entry for entry in units if entry.unit.key not in failed]
        try:
            if units:
                with self.recorder.failing(units, turn.elsewhere):
                    self._evaluate_group(self._group(units), turn)
        except AlreadyClaimed as taken:
            turn.blocked = taken.path
        return [entry for entry in units if entry.unit.key not in self.recorder.reported]

    def _evaluate_group(self, group: CheckpointGroup, turn: Turn) -> None:
        recorder, family = self.recorder, group.family
        self._record_stages(group)
        self._read_before_training(group, turn)
        forward: Forward | None = None
        for stream in streams(self.preparation.joined(self._prepared(group, turn), family), family):
            with turn.claimed(self.run.claims, stream, family) as claimed:
                todo = self._todo(claimed, family)
                if todo and group.checkpoint is None:
                    recorder.keep(todo, guessed(group, self.reference.name, self.preparation, todo), family)
                elif todo:
                    if forward is None:
                        with recorder.phases("model"):
                            source = self._trained(group)
                            forward = open_checkpoint(group, source, self.context, recorder.phases)
                    pools = {id(ready.examples.pool): len(ready.examples.pool) for ready in todo}
                    size = sum(len(ready.examples.examples) for ready in todo) + sum(pools.values())
                    with self.reporter.predicting(group.units[0].task.name, size) as forward.progress:
                        recorder.keep(todo, predicted(group, forward, todo), family)

    def _read_before_training(self, group: CheckpointGroup, turn: Turn) -> None:
        """Reads every unit once, so that damaged data are told before hours of training and not after them."""
        stage, family = group.checkpoint, group.family
        if not isinstance(stage, Stage) or not isinstance(family, HeadFamily) or family.joins:
            return  # nothing is trained, or all units are loaded together anyway
        if stage.key in self.stages.trained or finished(stage, stage.folder(self.stages.root)) is not None:
            return
        for _ in self._prepared(group, turn):
            pass

    def _prepared(self, group: CheckpointGroup, turn: Turn) -> Iterator[PreparedUnit]:
        """The units of a group that are not known to be done, each loaded when it is asked for: they may not fit in memory."""
        for entry in group.units:
            if entry.unit.key in self.recorder.reported:
                continue
            if entry.unit.key in self._kept:
                self.recorder.kept(entry.unit)
                continue
            ready = None
            with self.recorder.failing([entry], turn.elsewhere), self.recorder.phases("load"):
                ready = self.preparation.prepare(entry, group)
            if ready is not None:
                yield ready

    def _todo(self, claimed: Sequence[PreparedUnit], family: Predictor) -> list[PreparedUnit]:
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
                self.recorder.told_now(ready)
                self.recorder.kept(ready.planned.unit)
        return [ready for ready in claimed if ready.key not in done]

    def _trained(self, group: CheckpointGroup) -> ResolvedModel | Path:
        """The model of a group, or the folder of its stage; raises Taken where another process trains what leads to it."""
        if not isinstance(group.checkpoint, Stage):
            assert group.checkpoint is not None
            return group.checkpoint
        with self.recorder.phases("train"):
            folder = train_claimed(self.stages, group.checkpoint).folder
        self._record_stages(group)
        return folder

    def _record_stages(self, group: CheckpointGroup) -> None:
        self.recorder.stages(group.checkpoint, self.stages.trained.get)
