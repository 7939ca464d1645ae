"""Questions that a reviewer would ask about a model before believing its numbers, each answered in a line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from harness.analysis.model_check.family_trial import READS_PADDING, FamilyTrial
from harness.core.errors import HarnessError
from harness.core.installation import Check
from harness.evaluation.groups import family_of
from harness.inference.session import Session
from harness.models.device import choose_dtype
from harness.models.embedder import Embedder
from harness.models.letters import letters_of
from harness.models.sentence_encoder import layer_count, load_encoder, longest_input
from harness.retrieval.embed import embed
from harness.retrieval.embedding import Embedding, EmbeddingOptions
from harness.types.languages import language_name

if TYPE_CHECKING:
    from transformers import PreTrainedConfig

    from harness.inference.token_counts import TokenCounts
    from harness.models.resolve import ResolvedModel
    from harness.training.context import RunContext

OVERFLOWS = {
    **dict.fromkeys(("deberta-v2", "deberta"), "not-a-number in fp16 (microsoft/DeBERTa issue 77)"),
    **dict.fromkeys(("t5", "mt5", "umt5"), "infinite in fp16, for it was trained in bf16 (transformers issue 9295)"),
    "gemma3_text": "infinite in fp16, for it was trained in bf16 (transformers issue 36822)",
}
"""Types of model whose activations are known to exceed what fp16 can hold."""
MANY_UNKNOWN = 0.01
"""Share of unknown tokens from which a language counts as not covered: its texts lose more than a typing error would cost."""
FINER = 2
"""Times as many tokens a word as English from which a language is cut finely: a row holds half as many words of it."""
_LENGTHS = ("max_length", "query_length", "candidate_length")
"""Names that families give to the length of their rows."""
_SAID = "The committee did not say when the next meeting would take place."


def weights(model: ResolvedModel, config: PreTrainedConfig) -> Iterator[Check]:
    """Size, format and code: what is read from the folder."""
    size = f"{model.parameters:,} parameters" if model.parameters else "parameters not counted"
    try:
        depth = f", {layer_count(config)} layers"
    except HarnessError:
        depth = ""
    width = f" of {model.hidden_size:,}" if depth and model.hidden_size else ""
    kind = f"{config.model_type}, {size}{depth}{width}"
    if model.pickled:
        hint = "publish safetensors; results name the pickles with their sha256"
        yield Check("weights", "warning", f"{kind}; pickles of tensors alone, converted to safetensors", hint)
    else:
        yield Check("weights", "ok", f"{kind}; safetensors")
    if model.copy_note:
        yield Check("copy", "warning", model.copy_note, "say so where its numbers stand")
    if model.code:
        detail = f"runs code of {model.code.get('repository')}@{model.code.get('revision')}"
        yield Check("code", "warning", detail, "read it; results name it with its sha256")
    elif "auto_map" in model.config:
        detail = (
            f"its config.json names code (auto_map), which is not run: read as transformers' own {config.model_type}"
        )
        yield Check("code", "warning", detail, "compare a number with a published one before a long run")
    else:
        yield Check("code", "ok", "none of its own")


def retrieval(model: ResolvedModel, config: PreTrainedConfig) -> Iterator[Check]:
    """The hidden state and the pooling by which sentences are compared without training."""
    try:
        depth = layer_count(config)
        how = Embedding.of(EmbeddingOptions(), Embedder.of(model.folder), depth)
    except HarnessError as error:
        yield Check("layer", "warning", str(error), error.hint)
        return
    detail = f"hidden state {how.layer} of {depth} in retrieval and mining ({how.layer_from})"
    trained = how.layer == depth
    hint = "" if trained else f"a model trained to embed sentences is better read at its last (--layer {depth})"
    yield Check("layer", "ok", detail, hint)
    prompt = "" if how.prompt == "none" else f"; prompt {how.prompt}"
    yield Check("pooling", "ok", f"{how.pool}{prompt}; at most {how.settings['max_length']} tokens")


def padding(families: Sequence[FamilyTrial]) -> Check:
    """Tells whether what is next to a row in its batch changes what the model says of it."""
    reading = [trial.family for trial in families if READS_PADDING in trial.how]
    if not reading:
        return Check("padding", "ok", "changes nothing (tried under every head)")
    where = "under every head" if len(reading) == len(families) else f"in {', '.join(reading)}"
    return Check("padding", "warning", f"changes its output {where}: rows of one length only, which is slow")


def precision(config: PreTrainedConfig, session: Session) -> Check:
    """The precision that is chosen on this machine, and those that the model is known or found not to bear."""
    chosen = choose_dtype("auto", session.compute.device)
    stored = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    detail = f"stored in {stored}, computed in {chosen} on {session.compute.device}"
    warning, hint = _in_bf16(session), "--dtype fp32"
    if config.model_type in OVERFLOWS:
        warning, hint = warning or OVERFLOWS[config.model_type], "--dtype bf16 or fp32, never fp16"
    if warning:
        return Check("precision", "warning", f"{detail}; {warning}", hint)
    return Check("precision", "ok", f"{detail}; bf16 works")


def _in_bf16(session: Session) -> str:
    """The reason why the copy cannot be computed in bf16, or ""."""
    try:
        forward = session.forward(session.network(load_encoder))
        forward.dtype = "bf16"
        embed(forward, [_SAID], layers=[1])
    except HarnessError as error:
        return f"fails in bf16: {error}"
    except RuntimeError as error:  # an operation that the device does not have in this precision
        return f"fails in bf16: {str(error).splitlines()[0]}"
    return ""


def tokens(session: Session, counts: Sequence[TokenCounts]) -> Iterator[Check]:
    """Languages that the tokenizer does not know or cuts finely, and whether it is slow."""
    unknown = sorted((c for c in counts if c.unknown_share >= MANY_UNKNOWN), key=lambda c: -c.unknown_share)
    if unknown:
        listed = ", ".join(f"{language_name(c.language)} {c.unknown_share:.0%}" for c in unknown[:8])
        more = f" and {len(unknown) - 8} more" if len(unknown) > 8 else ""
        hint = "scores in these languages say nothing about the encoder"
        yield Check("unknown tokens", "warning", f"{len(unknown)} of {len(counts)} languages: {listed}{more}", hint)
    else:
        yield Check("unknown tokens", "ok", f"below {MANY_UNKNOWN:.0%} in all {len(counts)} languages of the sample")
    spaced = sorted((c for c in counts if c.per_word), key=lambda c: -(c.per_word or 0))
    english = next(c.per_word or 0 for c in spaced if c.language == "en")
    finer = [c for c in spaced if (c.per_word or 0) >= FINER * english]
    shown = ", ".join(f"{language_name(c.language)} {c.per_word:.1f}" for c in spaced[:3])
    detail = f"English {english:.1f}, at most {shown}"
    if finer:
        detail += f"; {len(finer)} of {len(spaced)} languages have {FINER} times as many as English, or more"
        hint = "their texts are cut earlier at the same max_length, and cost more time"
        yield Check("tokens a word", "warning", detail, hint)
    else:
        yield Check("tokens a word", "ok", detail)
    if letters_of(session.tokenizer) is not None:
        detail = "its tokens are characters or bytes, found by Python: about ten times slower than a fast tokenizer"
        yield Check("tokenizer speed", "warning", detail)


def lengths(session: Session, context: RunContext) -> Check:
    """Tokens that the model takes, and the tasks that ask for more of them."""
    network = session.network(load_encoder)
    room = min(session.tokenizer.model_max_length, longest_input(network))
    fails: dict[str, int] = {}
    cut: dict[str, int] = {}
    for task in context.registry.tasks().values():
        try:
            predictor = family_of(task, context)
        except HarnessError:
            continue  # a task whose plugin is broken: `harness doctor` says so
        asked = _asked(predictor.options, session)
        if asked > room:
            (fails if predictor.trainable else cut)[task.name] = asked
    takes = f"takes {room:,} tokens" if room < 1 << 20 else "takes any number of tokens"
    if not fails and not cut:
        return Check("length", "ok", f"{takes}; no task asks for more")
    parts, hint = [takes], ""
    if fails:
        parts.append(f"{_listed(fails)} fail")
        hint = f"--set max_length={room} shortens their rows, which is to be said with the scores"
    if cut:
        parts.append(f"{_listed(cut)} are cut")
    return Check("length", "warning", "; ".join(parts), hint)


def _asked(options: Any, session: Session) -> int:
    """Tokens of the longest row that a family with these options asks for; 0 where it does not say."""
    if isinstance(options, EmbeddingOptions) and options.max_length is None:
        return int(Embedding.of(options, Embedder.of(session.folder), 1).settings["max_length"])
    found = {field.name: getattr(options, field.name) for field in fields(options)}
    return max((found[name] for name in _LENGTHS if name in found), default=0)


def _listed(found: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({asked})" for name, asked in found.items())
