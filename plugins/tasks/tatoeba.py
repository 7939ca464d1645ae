"""Tatoeba: for every English sentence, its translation among up to 1,000; and the other way round, as mteb has it."""

from dataclasses import replace

from harness import FileData, HubData, Split, TargetTask, Translation, hookimpl, iso639_3, readers, splits

XTREME_R = ("az", "lt", "pl", "uk", "ro")  # not in XTREME, nor in its copy of the data
LASER_CODES = {"fa": "pes", "sw": "swh", "zh": "cmn"}  # individual languages, where ISO 639-3 also has a macrolanguage
SMALLER = {"jv": 205, "ka": 746, "kk": 575, "ml": 687, "sw": 390, "ta": 307, "te": 234, "th": 548}
PEOPLE = {"origin": "human_translation", "system": "volunteers of Tatoeba"}
OBTAIN = "copy data/tatoeba/v1/* from github.com/facebookresearch/LASER to DATA_DIR/tatoeba"


def split(code):
    iso = LASER_CODES.get(code, iso639_3(code))
    hub = HubData(
        "google/xtreme",
        f"tatoeba.{iso}",
        "validation",
        columns=("source_sentence: string", "target_sentence: string"),
        **PEOPLE,
    )
    laser = FileData(
        (f"tatoeba/tatoeba.{iso}-eng.{iso}", f"tatoeba/tatoeba.{iso}-eng.eng"), readers.parallel_lines, OBTAIN, **PEOPLE
    )
    return Split(
        *((laser,) if code in XTREME_R else (hub, laser)),
        rows=SMALLER.get(code, 1_000),
    )


def read(row):
    columns = ("source_sentence", "target_sentence") if "source_sentence" in row else ("foreign", "english")
    foreign, english = (row[column].rstrip("\r\n") for column in columns)  # the Hub's copy keeps the ends of lines
    return Translation(str(row["_row"]), foreign, english)


def read_reversed(row):
    """The foreign sentence takes the place of the English one, which is the query, and the other way round."""
    pair = read(row)
    return Translation(pair.id, foreign=pair.english, english=pair.foreign)


TATOEBA = TargetTask(
    name="tatoeba",
    title="Tatoeba",
    version=1,
    family="bitext_retrieval",
    languages=splits(
        "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu "
        + " ".join(XTREME_R),
        test=split,
    ),
    example=read,
    metric="accuracy",
    summary="the nearest foreign sentence of every English one",
    licence="CC BY 2.0 FR",
    citation="Artetxe and Schwenk 2019, Massively Multilingual Sentence Embeddings for Zero-Shot Transfer and Beyond",
)

TATOEBA_MTEB = replace(
    TATOEBA,
    name="tatoeba_mteb",
    title="Tatoeba (MTEB)",
    example=read_reversed,
    metric="weighted_f1",
    summary="the nearest English sentence of every foreign one, as mteb scores it",
    citation="Muennighoff et al. 2023, MTEB: Massive Text Embedding Benchmark (task Tatoeba)",
)


@hookimpl
def harness_target_tasks():
    yield TATOEBA
    yield TATOEBA_MTEB
