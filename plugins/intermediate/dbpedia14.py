"""DBpedia-14: the kind of thing that a paragraph of an encyclopedia is about, by the names of the kinds."""

from harness import HubData, IntermediateTask, Pair, Split, hookimpl

DBPEDIA14_COMMIT = "9abd46cf7fc8b4c64290f26993c540b92aa145ac"
NAMES = {
    "Company": "company",
    "EducationalInstitution": "school|university",
    "Artist": "artist",
    "Athlete": "athlete",
    "OfficeHolder": "politician",
    "MeanOfTransportation": "vehicle|transport",
    "Building": "building",
    "NaturalPlace": "nature|mountain|river",
    "Village": "village",
    "Animal": "animal",
    "Plant": "plant",
    "Album": "album|music",
    "Film": "film|movie",
    "WrittenWork": "book|newspaper",
}
COLUMNS = (f"label: label({', '.join(NAMES)})", "title: string", "content: string")


def split(name, rows):
    # Published as fancyzhx/dbpedia_14 and, before that, without an owner.
    return Split(
        HubData("fancyzhx/dbpedia_14", "dbpedia_14", name, revision=DBPEDIA14_COMMIT, columns=COLUMNS),
        HubData("dbpedia_14", "dbpedia_14", name, revision=DBPEDIA14_COMMIT, columns=COLUMNS),
        rows=rows,
    )


DBPEDIA14 = IntermediateTask(
    name="dbpedia14",
    title="DBpedia-14",
    version=1,
    family="cloze",
    labels=tuple(NAMES),
    train=split("train", 560_000),
    example=lambda row: Pair(str(row["_row"]), row["content"].strip(), "", row["label"]),
    metric="accuracy",
    options={"names": ",".join(f"{label}={names}" for label, names in NAMES.items())},
    summary="what kind of thing is the text about, of 14 that are named?",
    licence="CC BY-SA 3.0",
    citation="Zhang et al. 2015, Character-level Convolutional Networks for Text Classification",
)


@hookimpl
def harness_intermediate_tasks():
    yield DBPEDIA14
