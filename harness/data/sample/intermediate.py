"""The files of the intermediate tasks, and of XCOPA with its English training."""

from __future__ import annotations

from pathlib import Path

from harness.data.sample.choices import STORIES, commonsenseqa, copa, cosmosqa, hellaswag, social_iqa
from harness.data.sample.inference import inferences
from harness.data.sample.paraphrase import question_pairs
from harness.data.sample.questions import questions
from harness.data.sample.sizes import Size
from harness.data.sample.tables import NLI, Row, write_table
from harness.data.sample.world import World


def write_intermediate(folder: Path, seed: int, size: Size) -> None:
    """Writes every file of the intermediate tasks."""
    for split, count in (("train", size.train), ("validation", size.dev)):
        _pairs(folder, seed, split, count)
        rows = [asked.row("en") for asked in questions(World(seed, f"squad2/{split}"), count, unanswerable=0.9)]
        write_table(folder, f"rajpurkar/squad_v2/squad_v2/{split}", "squad", rows)
        short = "train" if split == "train" else "val"
        rows = list(hellaswag(World(seed, f"hellaswag/{split}"), count, short))
        write_table(folder, f"Rowan/hellaswag/data/{split}", "hellaswag", rows)
        rows = list(cosmosqa(World(seed, f"cosmosqa/{split}"), count))
        write_table(folder, f"allenai/cosmos_qa/data/{split}", "cosmosqa", rows)
        rows = list(commonsenseqa(World(seed, f"commonsenseqa/{split}"), count))
        write_table(folder, f"tau/commonsense_qa/data/{split}", "commonsenseqa", rows)
        rows = list(social_iqa(World(seed, f"siqa/{split}"), count))
        write_table(folder, f"allenai/social_i_qa/data/{split}", "siqa", rows)
    for split, count in (("train", size.train // 4), ("validation", size.dev), ("test", size.test)):
        made = list(copa(World(seed, f"copa/{split}"), count, *STORIES))
        write_table(folder, f"aps/super_glue/copa/{split}", "copa", [rows["en"] for rows in made])
        for language in STORIES[1:] if split != "train" else ():
            rows = [drawn[language] | {"changed": False} for drawn in made]
            write_table(folder, f"cambridgeltl/xcopa/{language}/{split}", "xcopa", rows)


def _pairs(folder: Path, seed: int, split: str, count: int) -> None:
    pairs = question_pairs(World(seed, f"qqp/{split}"), count)
    rows: list[Row] = [
        {"question1": one, "question2": two, "label": int(same), "idx": index}
        for index, (one, two, same) in enumerate(pairs)
    ]
    write_table(folder, f"nyu-mll/glue/qqp/{split}", "qqp", rows)
    # SNLI's premises are single sentences; each round of ANLI gives more context than the one before.
    write_table(folder, f"stanfordnlp/snli/plain_text/{split}", "snli", _inferences(seed, f"snli/{split}", count, 0.0))
    short = "train" if split == "train" else "dev"
    for number in (1, 2, 3):
        made = _inferences(seed, f"anli{number}/{split}", count // 3, 0.3 * number)
        rows = [{**row, "uid": f"sample-r{number}-{index:05d}", "reason": ""} for index, row in enumerate(made)]
        write_table(folder, f"facebook/anli/plain_text/{short}_r{number}", "anli", rows)


def _inferences(seed: int, name: str, count: int, context: float) -> list[Row]:
    made = inferences(World(seed, name), count, context=context)
    return [
        dict(zip(("premise", "hypothesis", "label"), (*item.texts("en"), NLI.index(item.label)), strict=True))
        for item in made
    ]
