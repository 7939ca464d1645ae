"""The translations that XTREME distributes beside its tasks: where a file lies, who translated it, and a row of a pair."""

from harness import FileData, Pair, readers

FOLDER = "xtreme_translations"


def of_xtreme(name, read, folder=FOLDER, **more):
    """A file of a folder of them. Its name may begin with ``**/``: then it may lie in any folder below."""
    obtain = f"copy XTREME's translations (its README, 'Translations') to DATA_DIR/{folder}"
    by = {"origin": "machine_translation", "system": "XTREME's translations"}
    return FileData((f"{folder}/{name}",), read, obtain, **by, **more)


def pairs(task_folder, name):
    """A file of translated pairs with their labels."""
    return of_xtreme(name, readers.translated_pairs, f"{FOLDER}/{task_folder}", example=read_pair)


def questions(name):
    """A file of translated questions in SQuAD's JSON, in whatever folder."""
    return of_xtreme(f"**/{name}", readers.translated_squad)


def read_pair(row):
    return Pair(str(row["_row"]), row["a"], row["b"], row["label"])
