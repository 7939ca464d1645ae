"""PAN-X: persons, organisations and places in Wikipedia text (the balanced splits of WikiANN)."""

from harness import HubData, Split, Tagged, TargetTask, hookimpl, splits

WIKIANN_COMMIT = "f0a3be6dc5564c0cc4150bb660144800a1f539d4"
TAGS = ("O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC")
COLUMNS = ("tokens: strings", f"ner_tags: labels({', '.join(TAGS)})")
XTREME_R = ("qu", "pl", "uk", "az", "lt", "pa", "gu", "ro")  # not in XTREME, nor in its copy of the data
SMALLER = dict.fromkeys(("af", "az", "bn", "hi", "kk", "ml", "mr", "ms", "sw", "ta", "te", "tl", "ur"), 1_000)
TINY = dict.fromkeys(("gu", "jv", "my", "pa", "qu", "yo"), 100)


def split(code, name):
    """The best sources first; the size of training data is known of English only."""
    wikiann = HubData("unimelb-nlp/wikiann", code, name, revision=WIKIANN_COMMIT, columns=COLUMNS)
    xtreme = HubData("google/xtreme", f"PAN-X.{code}", name, columns=COLUMNS)
    sources = (wikiann,) if code in XTREME_R else (xtreme, wikiann)
    if name == "train":
        return Split(*sources, rows=20_000 if code == "en" else None)
    return Split(*sources, rows=(SMALLER | TINY).get(code, 10_000))


def read(row):
    tags = row["ner_tags"]  # none of the words of a translation
    return Tagged(str(row["_row"]), tuple(row["tokens"]), tuple(tags) if tags is not None else None)


PANX = TargetTask(
    name="panx",
    title="PAN-X",
    version=1,
    family="tagging",
    labels=TAGS,
    train=split("en", "train"),
    languages=splits(
        "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw yo my zh kk "
        f"tr et fi hu {' '.join(XTREME_R)}",
        train=lambda code: None if code == "en" else split(code, "train"),
        dev=lambda code: split(code, "validation"),
        test=lambda code: split(code, "test"),
    ),
    example=read,
    metric="ner_f1",
    summary="the names of persons, organisations and places",
    licence="not stated; text from Wikipedia, CC BY-SA",
    citation="Pan et al. 2017, Cross-lingual Name Tagging and Linking for 282 Languages; splits of Rahimi et al. 2019",
)


@hookimpl
def harness_target_tasks():
    yield PANX
