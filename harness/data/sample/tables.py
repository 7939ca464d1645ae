"""Tables with the columns and types of the real data sets, written as Parquet files in the Hub's layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.core.files import write_atomic

Row = dict[str, Any]
# A column is a scalar type, a tuple of class names (ClassLabel), a list of one column (a sequence), or a dict of
# columns (a sequence of records, which is stored as a record of sequences).
Columns = Mapping[str, Any]

TAGS = ("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART", "PRON", "PROPN", "PUNCT", "SCONJ",
        "SYM", "VERB", "X")  # fmt: skip
ENTITIES = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
NLI = ("entailment", "neutral", "contradiction")

XTREME_ANSWERS = {"answer_start": "int32", "text": "string"}
SQUAD_ANSWERS = {"text": "string", "answer_start": "int32"}
COLUMNS: dict[str, Columns] = {
    "xnli": {"language": "string", "sentence1": "string", "sentence2": "string", "gold_label": "string"},
    "mnli": {"premise": "string", "hypothesis": "string", "label": NLI, "idx": "int32"},
    "snli": {"premise": "string", "hypothesis": "string", "label": NLI},
    "anli": {"uid": "string", "premise": "string", "hypothesis": "string", "label": NLI, "reason": "string"},
    "pawsx": {"sentence1": "string", "sentence2": "string", "label": "string"},
    "qqp": {"question1": "string", "question2": "string", "label": ("not_duplicate", "duplicate"), "idx": "int32"},
    "panx": {"tokens": ["string"], "ner_tags": [ENTITIES], "langs": ["string"]},
    "udpos": {"tokens": ["string"], "pos_tags": [TAGS]},
    "xquad": {"id": "string", "context": "string", "question": "string", "answers": XTREME_ANSWERS},
    "mlqa": {"id": "string", "title": "string", "context": "string", "question": "string", "answers": XTREME_ANSWERS},
    "squad": {"id": "string", "title": "string", "context": "string", "question": "string", "answers": SQUAD_ANSWERS},
    "bitext": dict.fromkeys(("source_sentence", "target_sentence", "source_lang", "target_lang"), "string"),
    "hellaswag": {
        "ind": "int32", "activity_label": "string", "ctx_a": "string", "ctx_b": "string", "ctx": "string",
        "endings": ["string"], "source_id": "string", "split": "string", "split_type": "string", "label": "string",
    },
    "cosmosqa": {
        "id": "string", "context": "string", "question": "string", "answer0": "string", "answer1": "string",
        "answer2": "string", "answer3": "string", "label": "int32",
    },
    "commonsenseqa": {
        "id": "string", "question": "string", "question_concept": "string",
        "choices": {"label": "string", "text": "string"}, "answerKey": "string",
    },
    "siqa": dict.fromkeys(("context", "question", "answerA", "answerB", "answerC", "label"), "string"),
    "copa": {
        "premise": "string", "choice1": "string", "choice2": "string", "question": "string", "idx": "int32",
        "label": ("choice1", "choice2"),
    },
    "xcopa": {
        "premise": "string", "choice1": "string", "choice2": "string", "question": "string", "label": "int32",
        "idx": "int32", "changed": "bool",
    },
}  # fmt: skip


def write_table(folder: Path, place: str, columns: str, rows: Sequence[Row]) -> None:
    """Writes ``rows`` to ``folder/<place>-00000-of-00001.parquet``; ``columns`` names an entry of ``COLUMNS``."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    layout = COLUMNS[columns]
    features = {"info": {"features": {name: _feature(kind) for name, kind in layout.items()}}}
    schema = pa.schema(
        [pa.field(name, _arrow(kind)) for name, kind in layout.items()],
        metadata={"huggingface": json.dumps(features)},
    )
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), sink)
    write_atomic(folder / f"{place}-00000-of-00001.parquet", sink.getvalue().to_pybytes())


def write_lines(path: Path, lines: Sequence[str]) -> None:
    """Writes a text file, a line each."""
    write_atomic(path, "".join(line + "\n" for line in lines))


def _feature(kind: Any) -> dict[str, Any]:
    if isinstance(kind, tuple):
        return {"names": list(kind), "_type": "ClassLabel"}
    if isinstance(kind, list):
        return {"feature": _feature(kind[0]), "_type": "Sequence"}
    if isinstance(kind, dict):
        return {"feature": {name: _feature(inner) for name, inner in kind.items()}, "_type": "Sequence"}
    return {"dtype": kind, "_type": "Value"}


def _arrow(kind: Any) -> Any:
    import pyarrow as pa

    if isinstance(kind, tuple):
        return pa.int64()
    if isinstance(kind, list):
        return pa.list_(_arrow(kind[0]))
    if isinstance(kind, dict):
        return pa.struct([pa.field(name, pa.list_(_arrow(inner))) for name, inner in kind.items()])
    return pa.type_for_alias(kind)
