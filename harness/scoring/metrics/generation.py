"""Texts that were written against their references: ROUGE-L, chrF and BLEU, and whether they are in the right language.

Counts of matches come from the field's libraries, sacrebleu (Post 2018) and rouge-score, the numbers from their sums. The
wrong-language rate is that of Chirkova, Liang and Nikoulina (2023, arXiv:2310.09917) as we read it: a share of the texts
that are long enough to have a language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np

from harness.core.arrays import FloatArray
from harness.core.errors import UsageError
from harness.data.language_id import LanguageIdentifier, check_identifier, language_identifier, language_of
from harness.data.letter_scripts import UNSPACED, script_of, scripts_of_language
from harness.scoring.metrics.base import AdditiveMetric, percent
from harness.types.languages import primary_code

PACKAGES = {"sacrebleu": "sacrebleu", "rouge_score": "rouge-score"}
_ORDERS = 6
"""The longest sequence of characters of chrF; with beta 2 and no words it is sacrebleu's default."""
_GRAMS = 4
_CHRF, _BLEU = 3 * _ORDERS, 2 + 2 * _GRAMS
_OVERLAP = 1 + _CHRF + _BLEU
"""Columns of an item's overlap with its reference: ROUGE-L, the counts of chrF, those of BLEU."""
_RATES = ("items", "empty", "short", "script", "judged", "wrong", "english", "right", "references", "floor")


class Generation(AdditiveMetric):
    """ROUGE-L, chrF and BLEU of all texts and of those in the right language, and the shares of others.

    ``generation`` identifies languages with what comes with the harness, ``generation:NAME`` with another identifier
    (:mod:`harness.data.language_id`). Numbers about languages are missing where it does not know the wanted one.
    """

    name = "generation"
    primary = ("rouge_l", "chrf")
    proportions = ("empty", "short")

    def __init__(self, identifier: str = "builtin") -> None:
        self.identifier = identifier
        if identifier != "builtin":
            self.name = f"generation:{identifier}"

    def check_usable(self) -> None:
        """UsageError where a library is missing, or the identifier's package."""
        if absent := [package for module, package in PACKAGES.items() if find_spec(module) is None]:
            raise UsageError(
                f"the metric {self.name!r} needs {' and '.join(absent)}",
                hint="pip install 'xtreme-harness[generation]'",
            )
        check_identifier(self.identifier)

    def statistics(self, gold: Sequence[str], predicted: Sequence[str | None], language: str) -> FloatArray:
        """Columns: the overlap with the reference, the same for texts in the right language alone, and counts of texts.

        A reference may be a :class:`~harness.scoring.formats.texts.Reference` in a language of its own.
        """
        self.check_usable()
        texts = [text or "" for text in predicted]
        wanted = [getattr(reference, "language", "") or language for reference in gold]
        overlap = np.zeros((len(texts), _OVERLAP))
        for code in dict.fromkeys(wanted):
            rows = [row for row, own in enumerate(wanted) if own == code]
            overlap[rows] = _overlap([str(gold[row]) for row in rows], [texts[row] for row in rows], code)
        identifier = language_identifier(self.identifier)
        rates = [_rates(str(gold[row]), text, wanted[row], identifier) for row, text in enumerate(texts)]
        table = np.array(rates, dtype=np.float64).reshape(len(texts), len(_RATES))
        right = table[:, [_RATES.index("right")]]
        return np.concatenate([overlap, overlap * right, table], axis=1)

    def finish(self, sums: FloatArray) -> dict[str, FloatArray]:
        """The scores, and shares in percent. Those about languages are only there where some text was judged."""
        count = dict(zip(_RATES, np.moveaxis(sums[..., 2 * _OVERLAP :], -1, 0), strict=True))
        values = _scores(sums[..., :_OVERLAP], count["items"])
        values |= {name: percent(count[name], count["items"]) for name in ("empty", "short")}
        long = count["items"] - count["empty"] - count["short"]
        if long.any():
            values["wrong_script"] = percent(count["script"], long)
        if count["judged"].any():
            values["wrong_language"] = percent(count["wrong"], count["judged"])
            values["english"] = percent(count["english"], count["judged"])
            right = _scores(sums[..., _OVERLAP : 2 * _OVERLAP], count["right"])
            values |= {f"{name}_right_language": value for name, value in right.items()}
        if count["references"].any():
            values["wrong_language_of_references"] = percent(count["floor"], count["references"])
        return values


def _rates(reference: str, text: str, wanted: str, identifier: LanguageIdentifier) -> tuple[float, ...]:
    """The counts of one item, named in ``_RATES``."""
    known, code = identifier.knows(wanted), language_of(text, identifier)
    long, base = code is not None, primary_code(wanted)
    scripts = scripts_of_language(wanted)
    wrong_script = long and bool(scripts) and script_of(text) not in scripts
    judged = known and long
    floor = language_of(reference, identifier) if known else None
    return (
        1.0,
        float(not text.strip()),
        float(bool(text.strip()) and not long),
        float(wrong_script),
        float(judged),
        float(judged and code != base),
        float(judged and code == "en"),
        float(judged and code == base),
        float(floor is not None),
        float(floor is not None and floor != base),
    )


def _overlap(references: Sequence[str], texts: Sequence[str], code: str) -> FloatArray:
    """ROUGE-L (0 to 1) and the counts of chrF and BLEU of each text, shape (texts, 1 + 18 + 10)."""
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics import BLEU, CHRF

    scorer = RougeScorer(["rougeL"], tokenizer=_Words())
    rouge = [scorer.score(*pair)["rougeL"].fmeasure for pair in zip(references, texts, strict=True)]
    # sacrebleu's own way from texts to the sums that its scores are made of: those of each text.
    counts = [
        metric._extract_corpus_statistics(texts, [references])
        for metric in (CHRF(char_order=_ORDERS), BLEU(tokenize=bleu_tokenizer(code), force=True))
    ]
    return np.concatenate([np.array(rouge)[:, None], *(np.array(each, dtype=np.float64) for each in counts)], axis=1)


def bleu_tokenizer(code: str) -> str:
    """sacrebleu's tokenizer for a language: characters where words are not spaced, and that of mteval-v13a otherwise."""
    if primary_code(code) == "zh":
        return "zh"
    unspaced = {"Kana", "Thai", "Laoo", "Mymr", "Khmr"}
    return "char" if scripts_of_language(code) & unspaced else "13a"


def words(text: str) -> list[str]:
    """Tokens for ROUGE: lower-case words of letters, marks and digits, and characters of scripts without spaces.

    rouge-score's own tokenizer keeps a to z alone.
    """
    plain = unicodedata.normalize("NFKC", text).lower()
    kept = "".join(character if unicodedata.category(character)[0] in "LMN" else " " for character in plain)
    return re.sub(f"([{UNSPACED}])", r" \1 ", kept).split()


class _Words:
    """:func:`words`, as rouge-score calls it."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


def _scores(sums: FloatArray, items: FloatArray) -> dict[str, FloatArray]:
    """ROUGE-L on average, chrF and BLEU of the sums, 0 to 100; 0 where there is no item."""
    return {
        "rouge_l": percent(sums[..., 0], items),
        "chrf": _chrf(sums[..., 1 : 1 + _CHRF]),
        "bleu": _bleu(sums[..., 1 + _CHRF :]),
    }


def _chrf(sums: FloatArray) -> FloatArray:
    """chrF2 (Popović 2015) of summed counts in text, in reference and in both, for each length of sequence."""
    written, wanted, both = np.moveaxis(sums.reshape(*sums.shape[:-1], _ORDERS, 3), -1, 0)
    there = (written > 0) & (wanted > 0)
    orders = np.maximum(there.sum(axis=-1), 1)
    precision = (percent(both, written) * there).sum(axis=-1) / orders
    recall = (percent(both, wanted) * there).sum(axis=-1) / orders
    return percent(5 * precision * recall, 4 * precision + recall) / 100


def _bleu(sums: FloatArray) -> FloatArray:
    """BLEU (Papineni et al. 2002) of summed lengths and matches, with the exponential smoothing of sacrebleu."""
    written, wanted = sums[..., 0], sums[..., 1]
    matches, totals = sums[..., 2 : 2 + _GRAMS], sums[..., 2 + _GRAMS :]
    none = (matches == 0) & (totals > 0)
    smoothed = np.where(none, 0.5 ** np.cumsum(none, axis=-1), matches)
    precision = percent(smoothed, totals)
    with np.errstate(divide="ignore"):
        mean = np.exp(np.log(precision).mean(axis=-1))
    short = np.where(written > 0, np.exp(np.minimum(1 - wanted / np.maximum(written, 1), 0)), 0.0)
    found: FloatArray = np.where(matches.any(axis=-1), mean * short, 0.0)
    return found
