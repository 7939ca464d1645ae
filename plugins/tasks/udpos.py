"""UD-POS: the universal part of speech of every word (Universal Dependencies v2.5; v2.7 for what XTREME-R adds).

``udpos`` is the benchmark's task: multiword tokens whole, from the treebanks or from XTREME's own files. ``udpos_hub`` is
the Hub's copy under its own name. Where ``udpos`` finds nothing else it falls back to that copy, and a note says so.
"""

from dataclasses import replace
from functools import partial

from harness import FileData, HubData, Split, Tagged, TargetTask, hookimpl, language_name, readers, splits

TAGS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART",
    "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"
)  # fmt: skip
COLUMNS = ("tokens: strings", f"pos_tags: labels({', '.join(TAGS)})")
HANDLES = {"2.5": "11234/1-3105", "2.7": "11234/1-3424"}
DOWNLOAD = "copy the folder udpos/ of XTREME's download_data.sh to DATA_DIR/udpos"
LANGUAGES = "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh"
XTREME_R = ("lt", "pl", "uk", "wo", "ro")  # not in XTREME, nor in its copy of the data

# Sentences in the Hub's copy; kk has no dev set, th, tl and yo have a test set only.
DEV = {
    "af": 194, "ar": 909, "bg": 1115, "de": 19233, "el": 2559, "en": 3974, "es": 3054, "et": 3125, "eu": 1798,
    "fa": 599, "fi": 3239, "fr": 5979, "he": 484, "hi": 1659, "hu": 441, "id": 559, "it": 2278, "ja": 511, "ko": 3016,
    "mr": 46, "nl": 1394, "pt": 1770, "ru": 9960, "ta": 80, "te": 131, "tr": 988, "ur": 552, "vi": 800, "zh": 3038,
}  # fmt: skip
TEST = {
    "af": 425, "ar": 1680, "bg": 1116, "de": 22458, "el": 2809, "en": 5440, "es": 3147, "et": 3760, "eu": 1799,
    "fa": 600, "fi": 4422, "fr": 9465, "he": 491, "hi": 2684, "hu": 449, "id": 1557, "it": 3518, "ja": 2372,
    "kk": 1047, "ko": 4276, "mr": 47, "nl": 1471, "pt": 2681, "ru": 11336, "ta": 120, "te": 146, "th": 1000, "tl": 55,
    "tr": 4785, "ur": 535, "vi": 800, "yo": 100, "zh": 5528,
}  # fmt: skip

UNTRAINED = ("th", "tl", "yo")  # with a test set only

# Languages whose copy on the Hub takes in treebanks of a related language, and XTREME's own sizes where known.
MIXED_IN = {
    "de": "Swiss German", "el": "Ancient Greek", "fr": "Old French", "ru": "Old Russian", "zh": "Classical Chinese"
}  # fmt: skip
OWN = {("el", "dev"): 403, ("el", "test"): 456, ("ru", "dev"): 8108}


def treebanks(code, name, release):
    """The release unpacked, or its archive."""
    folder, files = f"ud-treebanks-v{release}", f"{code}_*-ud-{name}.conllu"
    obtain = (
        f"copy {folder}.tgz (lindat.mff.cuni.cz, handle {HANDLES[release]}) to DATA_DIR, or unpack it there so that "
        f"DATA_DIR/{folder}/UD_* exist"
    )
    note = f"UD v{release}, multiword tokens whole"
    return (
        FileData((f"{folder}/UD_*/{files}",), readers.conllu, obtain, note=note),
        FileData((f"{folder}.tgz",), partial(readers.conllu_archive, pattern=files), obtain, note=note),
    )


def download(code, name):
    return FileData((f"udpos/{name}-{code}.tsv",), readers.tagged, DOWNLOAD, note="XTREME's own files")


def on_hub(code, name, sizes):
    if code not in sizes:
        return None
    note = "the Hub's copy has syntactic words where XTREME's own files keep multiword tokens whole"
    if code in MIXED_IN:
        note += f", and includes {MIXED_IN[code]}: not comparable with published scores"
    config, split_there = f"udpos.{language_name(code)}", "validation" if name == "dev" else name
    return HubData("google/xtreme", config, split_there, columns=COLUMNS, note=note, rows=sizes[code])


def split(code, name, sizes):
    if code in XTREME_R:
        return Split(*treebanks(code, name, "2.7"), download(code, name))
    if code not in sizes:
        return None
    hub = on_hub(code, name, sizes)
    rows = OWN.get((code, name)) if code in MIXED_IN else sizes[code]
    # XTREME's download has no tags for test sets, so there it comes last.
    others = (hub, download(code, name)) if name == "test" else (download(code, name), hub)
    return Split(*treebanks(code, name, "2.5"), *others, rows=rows)


def training(code):
    """Sentences of the language's own training sections, where it has any; how many there are is not checked."""
    if code == "en" or code in UNTRAINED:
        return None
    if code in XTREME_R:
        return Split(*treebanks(code, "train", "2.7"), download(code, "train"))
    return Split(*treebanks(code, "train", "2.5"), download(code, "train"), *hub_training(code).sources)


def hub_training(code):
    if code == "en" or code in UNTRAINED or code in XTREME_R:
        return None
    return Split(on_hub(code, "train", {code: None}))


def hub_split(code, name, sizes):
    hub = on_hub(code, name, sizes)
    return None if hub is None else Split(hub)


def read(row):
    tags = row["tags"] if "tags" in row else row["pos_tags"]
    words = tuple(word.replace("\u200c", "").replace(" ", "") for word in row["tokens"])
    return Tagged(str(row["_row"]), words, tuple(tags) if tags is not None else None, tuple(row.get("written", ())))


UDPOS = TargetTask(
    name="udpos",
    title="UD-POS",
    version=1,
    family="tagging",
    labels=TAGS,
    train=split("en", "train", {"en": 21_253}),
    languages=splits(
        f"{LANGUAGES} {' '.join(XTREME_R)}",
        train=training,
        dev=lambda code: split(code, "dev", DEV),
        test=lambda code: split(code, "test", TEST),
    ),
    example=read,
    metric="udpos_f1",
    summary="the part of speech of every word",
    licence="by treebank: mostly CC BY-SA 4.0, some CC BY-NC-SA",
    citation="Nivre et al. 2018, Universal Dependencies 2.2 (XTREME uses release 2.5)",
)

UDPOS_HUB = replace(
    UDPOS,
    name="udpos_hub",
    title="UD-POS (Hub)",
    train=Split(on_hub("en", "train", {"en": 21_253})),
    languages=splits(
        LANGUAGES,
        train=hub_training,
        dev=lambda code: hub_split(code, "dev", DEV),
        test=lambda code: hub_split(code, "test", TEST),
    ),
    summary="the part of speech of every syntactic word, as in the Hub's copy of XTREME: not the benchmark's data",
)


@hookimpl
def harness_target_tasks():
    yield from (UDPOS, UDPOS_HUB)
