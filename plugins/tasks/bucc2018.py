"""BUCC 2018: find the translations hidden in two pools of sentences."""

from harness import FileData, GoldPair, Sentence, Split, TargetTask, hookimpl, readers, splits

OBTAIN = (
    "unpack bucc2018-*-en.sample-gold.tar.bz2 (dev) and *.training-gold.tar.bz2 (test) from "
    "comparable.limsi.fr/bucc2018 so that DATA_DIR/bucc2018/de-en/de-en.sample.de and its neighbours exist; "
    "the Hub's copies hold the gold pairs only and cannot be mined"
)
DEV = {"de": 1_038, "fr": 929, "ru": 2_374, "zh": 257}  # gold pairs
TEST = {"de": 9_580, "fr": 9_086, "ru": 14_435, "zh": 1_899}


def split(code, names, sizes):
    """``names``: XTREME's name of the split, and that of the shared task, whose hidden test set XTREME does not use."""
    prefixes = [f"bucc2018/{code}-en/{code}-en.{name}" for name in names] + [f"bucc2018/{code}-en.{names[0]}"]
    pools = {prefix: (f"{prefix}.{code}", f"{prefix}.en") for prefix in prefixes}
    with_gold = [
        FileData((*pools[prefix], f"{prefix}.gold"), readers.bitext_pool, OBTAIN, counts="pair") for prefix in prefixes
    ]
    withheld = [
        FileData(pools[prefix], readers.bitext_pool, OBTAIN, note="without gold pairs", counts="pair", rows=0)
        for prefix in prefixes
    ]
    return Split(*with_gold, *withheld, rows=sizes[code])


def read(row):
    return GoldPair(*row["pair"]) if "pair" in row else Sentence(row["id"], row["text"], row["english"])


BUCC2018 = TargetTask(
    name="bucc2018",
    title="BUCC 2018",
    version=1,
    family="bitext_mining",
    languages=splits(
        "de fr ru zh",
        dev=lambda code: split(code, ("dev", "sample"), DEV),
        test=lambda code: split(code, ("test", "training"), TEST),
    ),
    example=read,
    metric="mining_f1",
    summary="find the pairs of translations in two pools of sentences",
    licence="not stated; text from Wikipedia and news",
    citation="Zweigenbaum et al. 2018, Overview of the Third BUCC Shared Task",
)


@hookimpl
def harness_target_tasks():
    yield BUCC2018
