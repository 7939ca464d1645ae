"""Extractive question answering: start and end of the answer in the context (XQuAD, MLQA, TyDiQA-GoldP, SQuAD).

Windows, the rule for the best span and the constants are those of the released SQuAD code of Devlin et al. (2019), as
XTREME uses it. Answers are cut from the original context by character offsets, unless ``decode`` says otherwise.
"""

from __future__ import annotations

import logging
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.core.arrays import IntArray, OutputRows
from harness.core.errors import DataError, UsageError
from harness.data.letter_scripts import UNSPACED
from harness.families._answer_decoding import Projection, best_spans, sliced
from harness.families._characters import Texts, placing, token_spans, tokenise
from harness.families._windows import Windows, cut
from harness.families.base import HeadFamily
from harness.families.baseline import random_stream
from harness.families.distributions import Distributions
from harness.inference.features import Features
from harness.inference.pairs import matched
from harness.inference.tokenization import RowTemplate, pair_treatment
from harness.inference.tokenization import tokenise as tokenise_questions
from harness.models.heads import in_task_order, load_head, model_inputs
from harness.types.examples import Example, Question
from harness.types.roles import MEASURES, option
from harness.types.units import Prediction, UnitExamples

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

    from harness.inference.forward import Forward

log = logging.getLogger(__name__)

DECODERS = ("offsets", "legacy_projection")
OUTPUTS = ("start", "end")
NO_SPAN = 1e9
"""``null_minus_best`` of a question without any allowed span (finite, so that JSON can hold it)."""


@dataclass(frozen=True, slots=True)
class SpanAnswer:
    """The best span of a question: its text, its text without projection, and the score of no answer minus its own."""

    text: str
    unprojected: str
    null_minus_best: float


@dataclass(frozen=True)
class _Cuts:
    """Metadata of rows that decoding needs; ``header`` is the position of a row's first context token."""

    windows: Windows
    header: IntArray
    contexts: Texts
    which: IntArray
    projection: Projection | None


class SpanQA(HeadFamily):
    """A prediction is a string, "" for a question without any allowed span (XTREME's scripts write "empty" there)."""

    @dataclass(frozen=True)
    class Options:
        """Lengths are in tokens; ``max_length`` counts special tokens.

        ``decode``: "offsets" cuts the answer from the context by character offsets; "legacy_projection" does as
        XTREME's scripts (:class:`~harness.families._answer_decoding.Projection`), except in the languages listed in
        ``skip_projection_for`` ("zh ja"), whose answers are the detokenised tokens, as in jiant.
        ``no_answer``: the answer may be "" (SQuAD v2.0). It is where the score of no answer exceeds that of the best
        span by more than ``null_threshold``; and training keeps the questions without an answer.
        """

        max_length: int = option(384, MEASURES)
        doc_stride: int = option(128, MEASURES)
        max_query_length: int = option(64, MEASURES)
        n_best: int = option(20, MEASURES)
        max_answer_length: int = option(30, MEASURES)
        decode: str = option("offsets", MEASURES)
        skip_projection_for: str = option("", MEASURES)
        no_answer: bool = option(False, MEASURES)
        null_threshold: float = option(0.0, MEASURES)

        def __post_init__(self) -> None:
            """Refuses values that nothing can be decoded with."""
            for name in ("doc_stride", "max_query_length", "n_best", "max_answer_length"):
                if getattr(self, name) < 1:
                    raise UsageError(f"option {name}: a positive number expected, not {getattr(self, name)!r}")
            if self.decode not in DECODERS:
                raise UsageError(f"option decode: one of {', '.join(DECODERS)} expected, not {self.decode!r}")

    options: Options
    reads_pairs = True
    token_level = True

    def load(self, reference: str, **kwargs: Any) -> PreTrainedModel:
        """The model with a question answering head: two outputs a token (see :mod:`harness.models.heads`)."""
        return load_head("QuestionAnswering", reference, OUTPUTS, by_position=True, **kwargs)

    def treatment(self, tokenizer: PreTrainedTokenizerBase) -> dict[str, Any]:
        """``offsets`` "repaired" where the tokenizer's own would cut letters off answers; ``separator`` as in
        :func:`~harness.inference.tokenization.pair_treatment`."""
        return pair_treatment(tokenizer) | ({"offsets": "repaired"} if placing(tokenizer)[1] else {})

    def predict(self, forward: Forward, units: Sequence[UnitExamples]) -> Iterator[Prediction]:
        """As in every family; with ``no_answer`` the facts also hold, for each question, ``best``, the best answer that
        is not "", and ``null_minus_best``, from which the best threshold can be found (SQuAD v2.0)."""
        unprojected = re.split(r"[\s,]+", self.options.skip_projection_for)
        if not self.options.no_answer and not any(unit.language in unprojected for unit in units):
            yield from super().predict(forward, units)
            return
        treatment = self.treatment(forward.tokenizer)
        for unit in units:
            features = self.features(forward.tokenizer, unit.examples, training=False)
            outputs = self.computed(forward, features, [unit])
            answers = self.answers(features, outputs)
            best = [answer.unprojected if unit.language in unprojected else answer.text for answer in answers]
            facts = dict(treatment)
            if self.options.no_answer:
                facts |= {"best": best, "null_minus_best": [answer.null_minus_best for answer in answers]}
            yield Prediction(unit, [self._or_none(*pair) for pair in zip(best, answers, strict=True)], facts)

    def features(self, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, training: bool) -> Features:
        """One row a window. Training rows carry ``start_positions`` and ``end_positions``: those of the first annotated
        answer, or 0, the first position, where the window does not hold all of it."""
        questions = [example for example in examples if isinstance(example, Question)]
        used, spans = (
            _labelled(questions, self.options.no_answer, self.keeps_unlabelled) if training else _answerable(questions)
        )
        template = RowTemplate.of(tokenizer, 2)
        room = template.room(tokenizer, self.options.max_length)
        if room <= self.options.max_query_length:
            raise UsageError(
                f"option max_length: {self.options.max_length} leaves no room for a context beside a question of "
                f"{self.options.max_query_length} tokens",
                hint="raise max_length or lower max_query_length",
            )
        asked, which_asked = tokenise_questions(tokenizer, [questions[i].question for i in used])
        contexts, which = tokenise(tokenizer, [questions[i].context for i in used])
        kept = np.minimum(asked.lengths[which_asked], self.options.max_query_length)
        windows = cut(contexts.ids.lengths[which], room - kept, self.options.doc_stride)
        row = windows.question
        begin = contexts.ids.offsets[which[row]] + windows.start + len(asked.values)
        ids, types = template.rows(
            np.concatenate([asked.values, contexts.ids.values]),
            np.stack([asked.offsets[which_asked[row]], begin], axis=1),
            np.stack([kept[row], windows.length], axis=1),
        )
        header = template.texts[1] - 1 + kept[row]
        legacy = self.options.decode == "legacy_projection"
        projection = Projection(tokenizer) if legacy else None  # refused before a training, too
        return Features(
            ids,
            used[row],
            segments=types if "token_type_ids" in tokenizer.model_input_names else None,
            columns=_positions(windows, header, contexts, which, spans) if training else {},
            facts={"cuts": _Cuts(windows, header, contexts, which, projection)},
        )

    def beside(self, features: Features, partners: Features) -> IntArray:
        """Windows with the answer go with those of the partner that have it, in order; questions without one as a whole."""
        own, other = _answering(features), _answering(partners)
        found = np.full(len(features), -1)
        place = matched(features.example[own], partners.example[other])
        found[own] = np.where(place < 0, -1, np.append(other, -1)[place])
        return found

    def loss(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean of the cross-entropies of start and end, summed over rows, and the number of rows."""
        from torch.nn.functional import cross_entropy

        start, end = _logits(model, batch)
        positions = batch["start_positions"]
        total = cross_entropy(start, positions, reduction="sum")
        total = total + cross_entropy(end, batch["end_positions"], reduction="sum")
        return total / 2, positions.new_tensor(len(positions))

    def distributions(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> Sequence[Distributions]:
        """Two for each row, of the start and of the end, over the tokens of the row; position 0 stands for no answer."""
        import torch

        start, end = _logits(model, batch)
        rows = torch.arange(len(start), device=start.device)
        return [
            Distributions(start, rows, batch.get("start_positions"), weight=0.5),
            Distributions(end, rows, batch.get("end_positions"), weight=0.5),
        ]

    def outputs(self, model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The ``n_best`` start and end positions over all tokens of the row, best first (of equals the earlier), and
        their logits (-inf where the row is shorter), each (rows, n_best); both logits of position 0, (rows, 2)."""
        import torch

        start, end = _logits(model, batch)
        reduced = {"null": torch.stack([start[:, 0], end[:, 0]], dim=1)}
        spare = max(self.options.n_best - start.shape[1], 0)
        for name, logits in (("start", start), ("end", end)):
            padded = torch.nn.functional.pad(logits, (0, spare), value=-torch.inf)
            ordered, positions = torch.sort(padded, dim=1, descending=True, stable=True)
            reduced[name] = ordered[:, : self.options.n_best]
            reduced[f"{name}_at"] = positions[:, : self.options.n_best]
        return reduced

    def decode(self, features: Features, outputs: Mapping[str, OutputRows], examples: Sequence[Example]) -> list[str]:
        """One answer a question, "" where there is none."""
        return [self._or_none(answer.text, answer) for answer in self.answers(features, outputs)]

    def answers(self, features: Features, outputs: Mapping[str, OutputRows]) -> list[SpanAnswer]:
        """The best span of each question, regardless of the no-answer score."""
        cuts = features.facts["cuts"]
        assert isinstance(cuts, _Cuts)
        contexts = cuts.contexts
        spans = best_spans(cuts.windows, cuts.header, contexts, cuts.which, outputs, self.options.max_answer_length)
        found = spans.score > -np.inf
        base = contexts.ids.offsets[cuts.which]
        first, last = (np.where(found, tokens + base, 0) for tokens in (spans.first, spans.last))
        difference = np.where(found, spans.null - np.where(found, spans.score, 0.0), NO_SPAN)
        answers = []
        for context, there, a, b, gap in zip(
            cuts.which.tolist(), found.tolist(), first.tolist(), last.tolist(), difference.tolist(), strict=True
        ):
            text = unprojected = ""
            if there:
                source, begin = contexts.texts[context], int(contexts.begin[a])
                if cuts.projection is None:
                    text = unprojected = sliced(source, begin, int(contexts.end[b]))
                else:
                    unprojected = cuts.projection.detokenised(contexts.ids.values[a : b + 1].tolist())
                    words = cuts.projection.words(source, begin, int(contexts.begin[b]))
                    text = cuts.projection.project(unprojected, words)
            answers.append(SpanAnswer(text, unprojected, gap))
        return answers

    def _or_none(self, text: str, answer: SpanAnswer) -> str:
        refused = self.options.no_answer and answer.null_minus_best > self.options.null_threshold
        return "" if refused else text

    def guess(self, kind: str, train: Sequence[Example], unit: UnitExamples, seed: int) -> list[str]:
        """ "majority": the start of the context, as many words as a training answer typically has (median; 3 without
        training answers), or "" where ``no_answer`` is set and most training questions have none. "random": one to five
        words from anywhere. In unspaced scripts a character counts as a word."""
        sizes = [
            len(_WORD.findall(example.answers[0].text)) if example.answers else 0
            for example in train
            if isinstance(example, Question)
        ]
        answered = [size for size in sizes if size]
        typical = round(statistics.median(answered)) if answered else 3
        if self.options.no_answer and 2 * len(answered) < len(sizes):
            typical = 0
        random = random_stream(unit, seed)
        guesses = []
        for example in unit.examples:
            assert isinstance(example, Question)
            words = [word.span() for word in _WORD.finditer(example.context)]
            first, count = 0, typical
            if kind == "random":
                first, count = int(random.integers(max(len(words), 1))), int(random.integers(1, 6))
            chosen = words[first : first + count]
            guesses.append(sliced(example.context, chosen[0][0], chosen[-1][1]) if chosen else "")
        return guesses


_WORD = re.compile(f"[{UNSPACED}]|[^\\s{UNSPACED}]+")
"""Thai, Lao, Burmese, Khmer, kana and Han characters one by one, everything else up to the next space."""


def _answering(features: Features) -> IntArray:
    """The rows that have the answer, or all rows of a question where none has."""
    has = np.asarray(features.columns["start_positions"], np.int64) > 0
    with_any = np.zeros(int(features.example.max(initial=-1)) + 1, bool)
    with_any[features.example[has]] = True
    return np.flatnonzero(has | ~with_any[features.example])


def _logits(model: PreTrainedModel, batch: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Start and end logits, fp32, (rows, width). Padding gets -inf: what a row says does not depend on its batch."""
    import torch

    output = model(**model_inputs(model, batch))
    padding = batch["attention_mask"] == 0
    if hasattr(output, "start_logits"):
        start, end = output.start_logits, output.end_logits
    else:  # a token classifier, where the architecture has no class for question answering
        start, end = in_task_order(output.logits, model, OUTPUTS).unbind(dim=-1)
    return start.float().masked_fill(padding, -torch.inf), end.float().masked_fill(padding, -torch.inf)


def _positions(
    windows: Windows, header: IntArray, contexts: Texts, which: IntArray, spans: IntArray
) -> dict[str, IntArray]:
    first, last = token_spans(contexts, which, *np.maximum(spans, 0))
    first, last = first[windows.question] - windows.start, last[windows.question] - windows.start
    whole = (first >= 0) & (first <= last) & (last < windows.length)
    absent = np.where(spans[0, windows.question] >= 0, 0, -100)
    return {
        "start_positions": np.where(whole, first + header, absent),
        "end_positions": np.where(whole, last + header, absent),
    }


def _answerable(questions: Sequence[Question]) -> tuple[IntArray, IntArray]:
    for question in questions:
        for name in ("question", "context"):
            if not getattr(question, name).strip():
                raise DataError(
                    f"question {question.id!r}: empty {name}", hint="repair the data file, or fetch it again"
                )
    return np.arange(len(questions)), np.zeros((2, 0), np.int64)


def _labelled(questions: Sequence[Question], no_answer: bool, keeps_unlabelled: bool) -> tuple[IntArray, IntArray]:
    """The questions to train on, and first and one past the last character of their answers, (2, questions).

    0 and 0 mean no answer, -1 and -1 that it is not known.
    """
    used, spans = [], []
    for i, question in enumerate(questions):
        span = (0, 0) if no_answer and question.impossible else located(question)
        if span is None and keeps_unlabelled:
            span = (-1, -1)
        if span is not None and question.question.strip():
            used.append(i)
            spans.append(span)
    if len(used) < len(questions):
        log.warning(
            "%d of %d training questions left out: without an answer, or with one that the context does not hold",
            len(questions) - len(used),
            len(questions),
        )
    return np.array(used, np.int64), np.array(spans, np.int64).reshape(-1, 2).T


def located(question: Question) -> tuple[int, int] | None:
    """First and one past the last character of the first annotated answer; None where the context does not hold it.

    A shifted offset (the Hub's builders strip contexts but keep offsets) is moved to the nearest place that fits.
    """
    if not question.answers or not question.answers[0].text.strip():
        return None
    text, at = question.answers[0].text, max(question.answers[0].start, 0)
    if not question.context.startswith(text, at):
        places = (question.context.rfind(text, 0, at + len(text)), question.context.find(text, at))
        nearest = min((place for place in places if place >= 0), key=lambda place: abs(place - at), default=None)
        if nearest is None:
            return None
        at = nearest
    return at, at + len(text)
