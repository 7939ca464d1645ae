"""Mutants of every format that is read: bytes and lines that somebody damaged or wrote by another rule.

A mutant may be as good as the original (another letter in a sentence), so a score is an answer, too. With the original
in its place again the command gives what it gave before.
"""

from __future__ import annotations

import json
import math
import random
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from tests.run_folders import EXPORTED_AS_IT_IS
from tests.torture.command import harness
from tests.torture.scene import Scene, outcome
from tests.torture.verdict import Done, done_or_refused, done_well, equal, expect

VALUES = (
    b"",
    b"NaN",
    b"-1",
    b"1e999",
    b"null",
    b"[]",
    b"{}",
    b"\xff\xfe",
    b"\x00",
    b"\t",
    b'"',
    b"99999999999999999999",
)
SEPARATORS = (b"\n", b"\r\n", b"\r", b"\t", b" ", b",", b"\xe2\x80\xa8", b"\x0c", b"\x85", b"\xef\xbb\xbf")


def mutate_bytes(data: bytes, chance: random.Random) -> bytes:
    """One change somewhere in the bytes."""
    start = chance.randrange(len(data) + 1)
    end = min(len(data), start + chance.choice([1, 2, 7, 50, 1000]))
    match chance.randrange(6):
        case 0:
            return data[:start]
        case 1:
            return data[:start] + data[end:]
        case 2:
            return data[:end] + data[start:]
        case 3:
            return data[:start] + bytes(chance.randrange(256) for _ in range(end - start)) + data[end:]
        case 4:
            return (
                data[:start] + bytes([data[start] ^ (1 << chance.randrange(8))]) + data[start + 1 :]
                if data[start:]
                else b""
            )
        case _:
            return data[:start] + chance.choice(VALUES + SEPARATORS) + data[start:]


def mutate_lines(data: bytes, chance: random.Random) -> bytes:
    """One change to whole lines or to a field of one."""
    lines = data.splitlines(keepends=True) or [b""]
    here, there = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(6):
        case 0:
            del lines[here]
        case 1:
            lines.insert(there, lines[here])
        case 2:
            lines[here], lines[there] = lines[there], lines[here]
        case 3:
            return data.replace(b"\n", chance.choice(SEPARATORS))
        case 4:
            fields = lines[here].rstrip(b"\n").split(b"\t")
            fields[chance.randrange(len(fields))] = chance.choice(VALUES)
            lines[here] = b"\t".join(fields) + b"\n"
        case _:
            lines.insert(here, chance.choice(VALUES) + b"\n")
    return b"".join(lines)


def mutate_json(data: bytes, chance: random.Random) -> bytes:
    """One value of the document replaced, removed or renamed; the document itself stays well-formed."""
    document = json.loads(data)
    places: list[tuple[dict[str, object] | list[object], str | int]] = []
    left: list[object] = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            places += [(value, key) for key in (value if isinstance(value, dict) else range(len(value)))]  # type: ignore[misc]
            left += value.values() if isinstance(value, dict) else value
    if not places:
        return b"null"
    holder, key = chance.choice(places)
    match chance.randrange(4):
        case 0:
            del holder[key]  # type: ignore[arg-type]
        case 1 if isinstance(holder, dict):
            holder[f"{key}s"] = holder.pop(key)  # type: ignore[arg-type]
        case _:
            other = [None, -1, 1.5, math.nan, 10**30, "", "x", [], {}, [[]], True, "../..", "\ud800", document]
            holder[key] = json.loads(json.dumps(chance.choice(other)))  # type: ignore[index]
    return json.dumps(document).encode()


Mutate = Callable[[bytes, random.Random], bytes]


def damaged(path: Path, chance: random.Random, ways: Sequence[Mutate]) -> bytes:
    """Puts a mutant in the place of a file; returns the original."""
    original = path.read_bytes()
    mutant = original
    while mutant == original:
        mutant = chance.choice(ways)(original, chance)
    path.write_bytes(mutant)
    return original


def finite(value: object) -> bool:
    """Whether there is no NaN and no infinity anywhere in a JSON document."""
    if isinstance(value, dict):
        return all(finite(found) for found in value.values())
    if isinstance(value, list):
        return all(finite(found) for found in value)
    return not isinstance(value, float) or math.isfinite(value)


def scores_are_numbers(run: Path) -> None:
    """The scores that were written have to be numbers."""
    record = json.loads((run / "record.json").read_text(encoding="utf-8"))
    expect(finite(record["scores"]), f"scores that are no numbers: {record['scores']}")


BOTH: tuple[Mutate, ...] = (mutate_bytes, mutate_lines)
DATA: dict[str, tuple[tuple[Mutate, ...], tuple[tuple[str, str], ...]]] = {
    "parquet": (
        (mutate_bytes,),
        (
            ("google/xtreme/PAN-X.sw/test-*.parquet", "panx[sw]"),
            ("google/xtreme/XNLI/test-*.parquet", "xnli[sw]"),
            ("google/xtreme/XQuAD.es/*.parquet", "xquad[es]"),
        ),
    ),
    "TSV": (BOTH, (("ccg/train.tsv", "ccg"),)),
    "JSON": ((*BOTH, mutate_json), (("lareqa/xquad-r/de.json", "lareqa[de]"),)),
    "JSONL": (BOTH, (("mewslix/*.jsonl", "mewslix"),)),
    "CoNLL-U": (BOTH, (("ud-treebanks-v2.5/*/*-test.conllu", "udpos[en]"),)),
    "BUCC text": (BOTH, (("bucc2018/de-en/de-en.test.*", "bucc2018[de]"),)),
    "plain text": (BOTH, (("text/sw.txt", "mlm"),)),
}


def data(
    ways: Sequence[Mutate], places: Sequence[tuple[str, str]], scene: Scene, chance: random.Random, folder: Path
) -> None:
    """Mutates a file of the data: it is refused, or read and scored; the original is read as before."""
    pattern, task = chance.choice(places)
    chosen = chance.choice(sorted(scene.corpus.glob(pattern)))
    corpus = folder / "corpus"
    shutil.copytree(scene.corpus, corpus)
    path = corpus / chosen.relative_to(scene.corpus)
    original = damaged(path, chance, ways)
    verified = harness("data", "verify", task, "--data-dir", corpus)
    done_or_refused(verified)
    if task.endswith("]") and done_or_refused(harness(*scene.baseline(folder / "run", task, corpus))):
        scores_are_numbers(folder / "run")
    path.write_bytes(original)
    if task.endswith("]"):
        done_well(harness(*scene.baseline(folder / "run", task, corpus)))
    done_or_refused(harness("data", "verify", task, "--data-dir", corpus))


def sentences(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Mutates a text file that is mined."""
    paths = {side: folder / f"{side}.txt" for side in ("de", "en")}
    for side, path in paths.items():
        shutil.copy(scene.folder / f"{side}.txt", path)
    words = scene.mining(folder / "pairs.tsv", "--source", paths["de"], "--target", paths["en"])
    chosen = paths[chance.choice(["de", "en"])]
    original = damaged(chosen, chance, BOTH)
    if done_or_refused(harness(*words)):
        for line in (folder / "pairs.tsv").read_text(encoding="utf-8").split("\n")[1:-1]:
            expect(math.isfinite(float(line.split("\t")[0])) if line else False, f"a pair without a margin: {line!r}")
    chosen.write_bytes(original)
    done_well(harness(*words))
    expect((folder / "pairs.tsv").read_bytes() == (scene.mined / "pairs.tsv").read_bytes(), "other pairs afterwards")


def submission(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Mutates a file of predictions or labels."""
    run = scene.copy(scene.evaluated, folder / "e") / "run"
    chosen = chance.choice(sorted([*run.glob("predictions/*/*"), *run.glob("labels/*/*")]))
    words = ["score", "--predictions", run / "predictions", "--labels", run / "labels", "--json"]
    words += ["--task", "xnli[en,sw]", "--task", "tatoeba[de]"]
    before = harness(*words)
    done_well(before)
    original = damaged(chosen, chance, BOTH)
    scored = harness(*words)
    if done_or_refused(scored):
        expect(finite(json.loads(scored.out)), f"scores that are no numbers: {scored.out}")
    chosen.write_bytes(original)
    expect(harness(*words).out == before.out, "other scores afterwards")


def readers(run: Path) -> list[list[str]]:
    """The commands that read a run; what one of them writes is next to the run."""
    export = ["leaderboard", "export", *EXPORTED_AS_IT_IS, "--out", str(run.parent / "row.json")]
    return [[*words, str(run)] for words in (["score"], ["report"], ["breakdown"], ["runs", "show"], export)]


def record(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Mutates the record of a run: readers refuse it or read it; the evaluation goes on and ends as it did."""
    e = scene.copy(scene.evaluated, folder / "e")
    damaged(e / "run" / "record.json", chance, (*BOTH, mutate_json))
    for command in chance.sample(readers(e / "run"), 2):
        done_or_refused(harness(*command))
    done_or_refused(harness("runs", "list", e))
    if done_or_refused(harness(*scene.evaluation(e / "run"))):
        equal(outcome(e), outcome(scene.evaluated), "after a mutant of record.json")


def stage(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Mutates stage.json: the stage is refused, made again or read as it was; the scores are the same."""
    e = scene.copy(scene.evaluated, folder / "e")
    shutil.rmtree(e / "run")
    chosen = chance.choice(sorted(e.glob("stages/*/stage.json")))
    original = damaged(chosen, chance, (*BOTH, mutate_json))
    done_or_refused(harness("cache", "ls", e))
    words = scene.evaluation(e / "run")
    if not done_or_refused(harness(*words)):
        chosen.parent.mkdir(exist_ok=True)
        chosen.write_bytes(original)
        done_well(harness(*words))
    equal(outcome(e), outcome(scene.evaluated), "after a mutant of stage.json")


def recipe(scene: Scene, chance: random.Random, folder: Path) -> None:
    """Mutates a recipe."""
    path = folder / "recipe.toml"
    shutil.copy(scene.folder / "recipe.toml", path)
    original = damaged(path, chance, BOTH)
    words = ["eval", "--model", "tiny", "--recipe", path, "--task", "xnli[en]", "--limit", "4", "--train-limit", "8"]
    words += ["--out", folder / "run", *scene.here()]
    planned: Done = harness(*words, "--dry-run")
    done_or_refused(planned)
    path.write_bytes(original)
    done_well(harness(*words, "--dry-run"))


KINDS = {f"mutant of {name}": partial(data, ways, places) for name, (ways, places) in DATA.items()} | {
    "mutant of mined text": sentences,
    "mutant of a submission": submission,
    "mutant of record.json": record,
    "mutant of stage.json": stage,
    "mutant of a recipe": recipe,
}
