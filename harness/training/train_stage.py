"""Trains a stage: fresh heads on one encoder, the loop, English-dev selection, and a transformers folder at the end."""

from __future__ import annotations

import copy
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.core.claims import confirm_claims
from harness.core.damage import Damaged, set_aside
from harness.core.errors import DataError, UsageError
from harness.core.files import recover_folder, replace_folder, write_atomic, written_into
from harness.core.sealed import read_sealed, sealed
from harness.data.languages import distinct
from harness.families.base import HeadFamily
from harness.inference.features import longest_row, with_languages
from harness.models.attention import attention_arguments, attention_of
from harness.models.carried import carried_parameters
from harness.models.embedder import carry_modules
from harness.models.fingerprint import model_fingerprint
from harness.models.fusion import write_fusion
from harness.models.heads import plain_model, quiet
from harness.models.image_tower import tower_facts
from harness.models.languages import freeze_languages, languages_of
from harness.models.load import load_tokenizer
from harness.models.packing import pack_rows, rows_packed
from harness.models.padding import padding_of
from harness.models.preparation import new_tokens_of
from harness.models.prompt import prompt_facts
from harness.models.quantised import after_loading, quantised
from harness.models.stored import stored_names, stored_tensors
from harness.models.swapped_adapters import attach_adapters, share_adapters
from harness.models.tables import check_positions
from harness.runs.model_card import CARD
from harness.training._adapters import merged, with_adapters, with_language_adapter, with_weights_of, write_adapter
from harness.training._checkpoint import StageProgress, saved_progress
from harness.training._dev import dev_scores, dev_unit
from harness.training._order import items_seen
from harness.training._rows import TouchedRows, touched_rows
from harness.training._sharding import sharding_asked_for
from harness.training._teacher import taught_by, with_teacher
from harness.training._trainer import HeadTask, Trainer
from harness.training.card import stage_card
from harness.training.objectives.base import ObjectiveContext
from harness.training.processes import process_index
from harness.training.schedule import make_schedule
from harness.training.stage import SUMMARY, Stage, StageTask, TrainedStage, stored, working_folder

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerBase

    from harness.inference.session import Compute
    from harness.types.examples import Example


def train_stage(
    stage: Stage,
    parent: Path,
    folder: Path,
    *,
    compute: Compute,
    tell: Callable[[int, int, float], None] = lambda step, total, loss: None,
    teacher: Path | None = None,
) -> TrainedStage:
    """Trains the stage on the model in ``parent`` into ``folder``, or continues it, or returns it if it is finished.

    ``teacher`` is the folder of the model that its objective learns from.
    """
    recover_folder(folder)
    try:
        done = stored(stage, folder)
    except Damaged as damage:
        done = None
        if process_index() == 0:
            set_aside(folder, damage, "the stage is trained again")
    if done is not None:
        shutil.rmtree(working_folder(folder), ignore_errors=True)  # left by a kill after the last rename
        return done
    for part in stage.tasks:
        if not part.train.examples:  # said before any model is loaded
            raise DataError(
                f"{part.task.name}: the training split is empty", hint=", ".join(map(str, part.train.files))
            )
    with sharding_asked_for() as shard:
        _train(stage, parent, folder, compute, tell, shard, teacher)
    trained = stored(stage, folder)
    if trained is None:
        raise DataError(
            f"{folder}: it disappeared as soon as it was trained",
            hint="let no other program remove files there",
        )
    return trained


def _train(
    stage: Stage,
    parent: Path,
    folder: Path,
    compute: Compute,
    tell: Callable[[int, int, float], None],
    shard: bool,
    teacher: Path | None,
) -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState

    if shard:
        _check_sharded(stage)
    # A process may train in several precisions one after the other; accelerate would refuse the second.
    AcceleratorState._reset_state()

    work = working_folder(folder)
    best = work / "best"
    started = time.monotonic()
    accelerator = Accelerator(cpu=compute.device == "cpu", mixed_precision={"fp32": "no"}.get(stage.dtype, stage.dtype))
    tokenizer = load_tokenizer(parent, _tokenizer_settings(stage))
    how = quantised(stage.quant, str(accelerator.device), stage.dtype) | attention_arguments(stage.attention, parent)
    carried = carried_parameters(parent)
    contexts = _contexts(stage, tokenizer, accelerator.device, teacher)
    parts, fresh = _parts(stage, parent, tokenizer, how, carried, contexts)
    items = [
        part.features.item_count if task.objective.samples_translations else task.of_epoch(part.features.item_count)
        for task, part in zip(stage.tasks, parts, strict=True)
    ]
    schedule = make_schedule(items, stage.options, stage.beside)
    new_tokens = tokenizer.convert_tokens_to_ids(new_tokens_of(parent)) if stage.options.new_tokens_lr else []
    # The shards of a whole table are small, and every process scores with all of them.
    tables = (
        TouchedRows()
        if shard or new_tokens
        else touched_rows(parts, tokenizer, steps=len(schedule), decay=stage.options.weight_decay)
    )
    if accelerator.is_main_process:
        _clear_damage(work, stage, tables.digest)
    accelerator.wait_for_everyone()
    work.mkdir(parents=True, exist_ok=True)

    def keep(model: Any) -> None:
        """One task keeps its head, so that the folder can be scored as it is; of several, only the encoder is kept."""
        what = {"key": stage.key, "selected_step": trainer.progress.best_step}
        if stage.adapter_of:
            _write(best, what, lambda scratch: write_adapter(model, scratch, stage.start.reference))
            return
        model = merged(model) if hasattr(model, "merge_and_unload") else model
        others = [part.model for part in parts] if len(parts) > 1 else []
        model = _finished(parts, model)
        kept = model if len(parts) == 1 else model.base_model
        more = _lacking(kept, carried, [model, *others], parent)
        _write_model(kept, tokenizer, best, more, what, stage.start.folder)

    trainer = Trainer(
        parts,
        schedule,
        stage.options,
        accelerator,
        pad_id=tokenizer.pad_token_id or 0,
        state_folder=work / "state",
        evaluate=dev_scores(
            stage,
            lambda: trainer.callable_models,
            tokenizer,
            replace(compute, device=str(accelerator.device)),
        ),
        keep=lambda: keep(_of_many_bits(stage, parent, trainer.whole_model, carried, contexts)),
        tell=tell,
        shard=shard,
        tables=tables,
        new_tokens=new_tokens,
        stage=stage.key,
        started=started,
    )
    progress = trainer.run()
    accelerator.wait_for_everyone()
    if accelerator.is_main_process:
        _finish(stage, parts, fresh, progress, trainer, best, folder, taught_by(stage, teacher))
        shutil.rmtree(work, ignore_errors=True)
    accelerator.wait_for_everyone()


def _check_sharded(stage: Stage) -> None:
    """Refuses what needs whole gradients, whole embeddings or whole weights, which FSDP shares out."""
    for part in stage.tasks:
        if asking := part.objective.needing("gradients"):
            raise UsageError(
                f"objective {asking[0]!r}: not with FSDP, which has no whole gradients", hint="train without"
            )
        if part.family.freezes_encoder or part.objective.freezes_encoder:
            raise UsageError(f"{part.name}: a soft prompt is not trained with FSDP", hint="train without")
        if part.family.reads_images:
            raise UsageError(f"{part.name}: a tower for pictures is not trained with FSDP", hint="train without")
    if stage.fusion is not None:
        raise UsageError(f"{stage.name}: fused layers are not sharded", hint="train without FSDP")
    if stage.options.second_lr:
        raise UsageError(
            "option second_lr: not with FSDP, which shares out the rows of embeddings", hint="train without"
        )
    if stage.quant:
        raise UsageError(f"--quant {stage.quant}: not with FSDP, which cannot share out packed weights")


def _finished(parts: Sequence[HeadTask], model: Any) -> Any:
    """The model as families and objectives want it written: a copy, where one of them changes it."""
    families = [part.family for part in parts if type(part.family).finish is not HeadFamily.finish]
    objective = parts[0].objective if len(parts) == 1 and parts[0].objective.finishes else None
    if families or objective:
        model = copy.deepcopy(model)
    if objective:
        model = objective.finish(model)
    for family in families:
        model = family.finish(model)
    return model


def _clear_damage(work: Path, stage: Stage, rows: str) -> None:
    """Sets aside an unfinished training that cannot resume to bit-identical weights."""
    best = work / "best"
    recover_folder(best)
    try:
        if work.exists() and not work.is_dir():
            raise Damaged(f"{work}: not a folder")
        progress = saved_progress(work / "state", stage.key, rows)
        if progress is not None and progress.best_step:
            kept = read_sealed(best / SUMMARY)
            # A later one than the state records is written again when the training reaches that step.
            if kept.get("key") != stage.key or kept.get("selected_step", 0) < progress.best_step:
                raise Damaged(f"{best / SUMMARY}: of another checkpoint than the best of this training")
            if kept.get("fingerprint") != model_fingerprint(best):
                raise Damaged(f"{best}: weights, configuration or tokenizer are not those that were written")
    except Damaged as damage:
        set_aside(work, damage, "the stage is trained from its beginning")


def _finish(
    stage: Stage,
    parts: Sequence[HeadTask],
    fresh: Sequence[str],
    progress: StageProgress,
    trainer: Trainer,
    best: Path,
    folder: Path,
    inputs: Mapping[str, Any],
) -> None:
    """Puts the best checkpoint, with its summary, in its place."""
    summary = {
        **stage.describe(),
        **inputs,
        "fresh": list(fresh),
        **({"padding": "none"} if any(part.padding == "none" for part in parts) else {}),
        **({"frozen": "embeddings and modules of languages"} if _languages_frozen(parts) else {}),
        "attention": attention_of(plain_model(parts[0].model)),
        **({"packed": True} if rows_packed(parts[0].model) else {}),
        **prompt_facts(plain_model(parts[0].model)),
        **_pictures(parts, trainer, progress.step),
        "steps": progress.step,
        "planned_steps": trainer.total,
        "stopped_early": progress.stopped_early,
        "selected_step": progress.best_step,
        "dev_score": progress.best_score,
        **_chosen(progress, "loss", "dev_loss"),
        "dev": progress.dev,
        **_chosen(progress, "best_thresholds", "best_thresholds"),
        "loss": progress.losses,
        "items": [part.features.item_count for part in parts],
        "tokens": trainer.tokens,
        "seconds": round(trainer.seconds, 3),
        **_facts(parts),
        "fingerprint": read_sealed(best / SUMMARY)["fingerprint"],
        "folder": str(folder),
    }
    write_atomic(best / CARD, stage_card(stage, summary))
    write_atomic(best / SUMMARY, json.dumps(sealed(summary), indent=1))
    for path in best.glob(".*.tmp"):  # left by a kill in the middle of the line before
        path.unlink()
    replace_folder(best, folder)


def _pictures(parts: Sequence[HeadTask], trainer: Trainer, steps: int) -> dict[str, Any]:
    """The tower for pictures, and how many it has seen in training, each counted each time; {} where there is none."""
    found = tower_facts(plain_model(parts[0].model))
    seen = sum(
        items_seen(part.features.item_count, trainer.options.batch, int((trainer.schedule[:steps] == place).sum()))
        for place, part in enumerate(parts)
        if part.family.reads_images
    )
    return {name: {**facts, "images": seen} for name, facts in found.items()}


def _languages_frozen(parts: Sequence[HeadTask]) -> bool:
    model = plain_model(parts[0].model)
    return bool(languages_of(model)) and any(part.family.fresh_head for part in parts)


def _facts(parts: Sequence[HeadTask]) -> dict[str, Any]:
    """Facts of the objectives, by task, where there are any."""
    found = {part.name: facts for part in parts if (facts := part.objective.facts())}
    return {"objectives": found} if found else {}


def _chosen(progress: StageProgress, field: str, name: str) -> dict[str, Any]:
    """A field of the evaluation of the checkpoint that is kept, under a name of its own; nothing where it has none."""
    chosen = next((entry for entry in progress.dev if entry["step"] == progress.best_step), {})
    return {name: chosen[field]} if field in chosen else {}


def _parts(
    stage: Stage,
    parent: Path,
    tokenizer: PreTrainedTokenizerBase,
    how: Mapping[str, Any],
    carried: Sequence[str],
    contexts: Sequence[ObjectiveContext | None],
) -> tuple[list[HeadTask], list[str]]:
    """The tasks with their models and rows, and the names of the parameters that are drawn anew."""
    import torch

    features, trained_on = [], []
    contexts = list(contexts)
    for index, (part, context) in enumerate(zip(stage.tasks, contexts, strict=True)):
        examples: Sequence[Example] = part.train.examples
        if context:
            examples, context = part.objective.examples(examples, context)
            contexts[index] = context
        made = part.family.features(tokenizer, examples, training=True)
        trained_on.append(examples)
        features.append(part.objective.features(made, context) if context else made)
        if not len(features[-1]):
            raise DataError(f"{part.task.name}: no training example is usable", hint="harness data verify says why")
    parts: list[HeadTask] = []
    fresh: set[str] = set()
    for part, rows, examples, context in zip(stage.tasks, features, trained_on, contexts, strict=True):
        if stage.keeps_head or not part.family.fresh_head:
            model = part.family.load(str(parent), dtype="float32", **how)
            fresh |= part.family.head_parameters(model).keys() - stored_names(parent)
            torch.manual_seed(stage.options.seed)
        else:
            model = part.family.load(str(parent), ignore_mismatched_sizes=True, dtype="float32", **how)
            fresh |= set(part.family.draw_head(model, stage.options.seed, carried))
        after_loading(model)
        if part.family.reads_language or languages_of(model) or stage.adapters:
            spoken = part.languages_of(examples) or [""] * len(examples)
            labelled = any(each.family.fresh_head for each in stage.tasks)
            freeze_languages(model, None if labelled else distinct(spoken))
            rows = with_languages(rows, spoken)
        if context:
            model = part.objective.prepare(model, context)
        for before in parts:
            part.family.share_encoder(before.model, model, carried)
        if parts:
            share_adapters(parts[0].model, model)
        else:
            attach_adapters(model, stage.adapters)
        pack_rows(model)
        padding = padding_of(model, tokenizer)
        check_positions(model, longest_row(rows), part.task.name)
        if stage.options.gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        if stage.adapter_of:
            model = with_language_adapter(model, stage.options, fresh)
        elif stage.options.peft:
            if len(stage.tasks) > 1:
                raise UsageError("--peft trains one task a stage", hint="give the tasks in sequence: --via a --via b")
            model = with_adapters(model, stage.options, carried, head=part.family.adapts_head)
        parts.append(HeadTask(part.task.name, part.family, model, rows, padding, part.objective, context))
    return parts, sorted(fresh)


def _tokenizer_settings(stage: Stage) -> Mapping[str, Any]:
    """Those of the families, which one tokenizer must suit."""
    first, *others = (part.family.tokenizer_settings() for part in stage.tasks)
    if any(other != first for other in others):
        raise UsageError(
            f"{stage.name}: these tasks need different tokenizers, so they cannot share a stage", hint="--via a --via b"
        )
    return first


def _contexts(
    stage: Stage, tokenizer: PreTrainedTokenizerBase, device: torch.device, teacher: Path | None
) -> list[ObjectiveContext | None]:
    """Contexts of the objectives, one a task; None where there is none."""
    contexts = [_context(stage, part, tokenizer, device) if part.objective else None for part in stage.tasks]
    if teacher is None:
        return contexts
    settings = _tokenizer_settings(stage)
    return [with_teacher(context, stage, teacher, settings) if context else None for context in contexts]


def _context(
    stage: Stage, part: StageTask, tokenizer: PreTrainedTokenizerBase, device: torch.device
) -> ObjectiveContext:
    dev = dev_unit(part, stage.options.eval_limit) if part.dev else None
    return ObjectiveContext(
        stage.options.seed,
        part.family,
        tokenizer,
        str(device),
        dev=dev.examples if dev else (),
        dev_partners=dev.other if dev else (),
        partners=part.partners.examples if part.partners else (),
        languages=part.train.languages,
        pairs=stage.fusion is not None,
        files=stage.files,
    )


def _of_many_bits(
    stage: Stage, parent: Path, model: Any, carried: Sequence[str], contexts: Sequence[ObjectiveContext | None]
) -> Any:
    """A model in 8 or 4 bits as one in fp32 that computes the same; any other as it is, and one whose adapter is kept."""
    if not stage.quant or stage.adapter_of:
        return model
    [task], [context] = stage.tasks, contexts
    whole = task.family.load(str(parent), dtype="float32")
    whole = task.objective.prepare(whole, context) if context else whole
    adapted = with_adapters(whole, stage.options, carried, head=task.family.adapts_head)
    return with_weights_of(adapted, model)


def _lacking(kept: Any, carried: Sequence[str], models: Sequence[Any], parent: Path) -> dict[str, torch.Tensor]:
    """The carried parameters that the model to be written has no place for.

    They are as the first of ``models`` that has them has trained them, or else as they were in the parent.
    """
    there = {name for name, _ in kept.named_parameters()}
    names = [name for name in carried if name not in there]
    found = stored_tensors(parent, names) if names else {}
    for model in reversed(models):
        found |= {name: value.detach() for name, value in model.named_parameters() if name in names}
    return found


def _write_model(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    more: Mapping[str, torch.Tensor],
    what: Mapping[str, Any],
    start: Path | None = None,
) -> None:
    """Writes a transformers folder, with ``more`` tensors. Its stage.json says ``what`` it is, and its fingerprint. With
    it go the modules that ``start``, the model before any stage, brings for sentence vectors."""

    def save(scratch: Path) -> None:
        model.save_pretrained(scratch, **({"state_dict": {**model.state_dict(), **more}} if more else {}))
        tokenizer.save_pretrained(scratch)
        write_fusion(model, scratch)
        if start is not None:
            carry_modules(start, scratch)

    _write(folder, what, save)


def _write(folder: Path, what: Mapping[str, Any], save: Callable[[Path], None]) -> None:
    """Writes a folder by ``save`` and its stage.json, as a whole: a half-written one never takes the place of a good one."""
    scratch = folder.with_name(f"{folder.name}.{os.getpid()}")
    confirm_claims()
    shutil.rmtree(scratch, ignore_errors=True)
    with quiet(), written_into(folder):
        scratch.mkdir(parents=True)
        save(scratch)
        summary = sealed({**what, "fingerprint": model_fingerprint(scratch)})
        (scratch / SUMMARY).write_text(json.dumps(summary), encoding="utf-8")
    replace_folder(scratch, folder)
