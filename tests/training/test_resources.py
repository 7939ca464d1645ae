"""What a system was trained on decides its setting: over every first-party source, and over any lineage of stages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_folders import rewrite, write_run

from harness import FileData, HubData, IntermediateTask, Pair, Split, readers
from harness.cli.main import main
from harness.core.errors import DataError, PluginError
from harness.data.corpus import Corpus
from harness.data.locate import Files
from harness.data.provenance import Provenance, provenance
from harness.data.resources import of_test, of_training, union
from harness.data.sources import LoadedSplit, load_examples
from harness.data.translations import into_english
from harness.leaderboard._setting import setting
from harness.leaderboard.export import export_row
from harness.leaderboard.validation import problems
from harness.models.resolve import ResolvedModel
from harness.registry.default import get_registry
from harness.registry.validation import check, check_languages
from harness.training.lineage import Before
from harness.training.run_resources import run_resources
from harness.training.sources import training_tasks
from harness.training.stage import Stage, StageTask
from harness.training.via import in_languages
from harness.types.examples import Text
from harness.types.languages import languages
from harness.types.options import TrainOptions
from harness.types.sources import described

MODEL = ResolvedModel("org/model", Path("org-model"), "0" * 40, "f" * 64, {})


@dataclass(frozen=True)
class Way:
    """One way to train: a task in some language, read from one of its sources."""

    task: IntermediateTask
    train: LoadedSplit

    @property
    def translated(self) -> bool:
        return any(part.translated for part in self.train.provenance)

    @property
    def languages(self) -> set[str]:
        found = of_training(self.task, self.train)
        return {*found["labels"], *found["text"]}


def loaded(task: IntermediateTask, place: int) -> LoadedSplit:
    """The training split as it would be read, from source number ``place`` of each of its parts; no file is needed."""
    read = []
    for part in task.train.parts or (task.train,):
        source = part.sources[place % len(part.sources)]
        read.append((source, provenance(part, source, Files((Path("file"),), "folder"))))
    text = any(isinstance(source, FileData) and source.stays_on_disk for source, _ in read)
    examples: Any = Corpus([[Text("1", "habari")]], ["sw"], "f") if text else []
    name = " + ".join(described(source) for source, _ in read)
    return LoadedSplit(examples, 1, None, name, [], "f", provenance=tuple(origin for _, origin in read))


def ways() -> Iterator[Way]:
    registry = get_registry()
    tasks = [own for target in registry.tasks().values() for own in training_tasks(target, registry)]
    tasks += [
        in_languages(own, codes)  # --train-on
        for own in tasks
        for codes in (["en"], ["sw"], ["en", "sw"], *([code] for code in own.languages))
        if own.name in registry.tasks()
    ]
    for task in registry.intermediate_tasks().values():
        codes = [code for code, table in task.languages.items() if "train" in table]
        tasks += [
            task,
            *(in_languages(task, [code]) for code in ("en", "sw", *codes)),
            in_languages(task, ["en", "sw"]),
        ]
    for task in tasks:
        parts = task.train.parts or (task.train,)
        for place in range(max(len(part.sources) for part in parts)):
            yield Way(task, loaded(task, place))


WAYS = list(ways())


def family(way: Way) -> Any:
    return SimpleNamespace(reads_images=way.task.family == "captioning")


def stages_of(lineage: list[list[Way]], before: Before | None = None) -> list[Stage]:
    made: list[Stage] = []
    for joint in lineage:
        parts = tuple(StageTask(way.task, way.train, None, family(way), None) for way in joint)  # type: ignore[arg-type]
        made.append(Stage(parts, made[-1] if made else MODEL, TrainOptions(), "fp32", before=None if made else before))
    return made


def record_of(stages: list[Stage], *, told: bool = True, via: tuple[str, ...] = (), **options: Any) -> dict[str, Any]:
    """The record of a run over these stages; ``told``: with what each used, as stages are recorded now."""
    entries = []
    for stage in stages:
        parent = {"stage": stage.parent.name} if isinstance(stage.parent, Stage) else {"model": "org/model"}
        tasks = [{"task": part.task.name, "data": {"train": {"source": part.train.source}}} for part in stage.tasks]
        now = {"resources": json.loads(json.dumps(stage.resources)), "lineage": stage.lineage} if told else {}
        entries.append({"name": stage.name, "parent": parent, "tasks": tasks, **now})
    model = {"kind": "hub", "reference": "org/model"}
    return {"model": model, "options": {"train": "auto", "via": list(via), **options}, "stages": entries, "units": {}}


def setting_of(record: dict[str, Any]) -> str:
    return setting(record, run_resources(record, get_registry()))


# every first-party source

TRANSLATED_TRAINING = {
    ("mnli", code): "machine_translation" for code in "ar bg de el es fr hi ru sw th tr ur vi zh".split()
} | {
    **{("pawsx", code): "machine_translation" for code in "de es fr ja ko zh".split()},
    **{
        (name, code): "machine_translation"
        for name in ("copa", "socialiqa")
        for code in "et ht id it qu sw ta th tr vi zh".split()
    },
    ("nli", "ko"): "machine_translation",
    **{
        (name, code): "machine_translation"
        for name in ("squad", "squad_gen")
        for code in "de el es hi ru th tr vi".split()
    },
    ("hellaswag", "ru"): "machine_translation",
    ("hellaswag", "fa"): "machine_translation",
}
TRANSLATED_TESTS = ("xnli", "pawsx", "xquad", "mlqa", "lareqa")  # in all languages but English
TRANSLATED_EVERYWHERE = ("xcopa", "tatoeba", "tatoeba_mteb")


def test_first_party_training_data_say_which_of_them_are_translations() -> None:
    found = {}
    for name, task in get_registry().intermediate_tasks().items():
        expected = {"generated"} if name == "scenes" else {"native"}
        assert {source.origin for source in task.train.sources + task.dev.sources} == expected, name
        for code, table in task.languages.items():
            first, *others = table["train"].sources
            for source in table["train"].sources:
                assert source.origin == "native" or source.system, (name, code)
            # Data of the language itself go before translations, which stand in for them.
            assert {source.origin for source in others} <= {first.origin, "machine_translation"}, (name, code)
            if first.origin != "native":
                found[name, code] = first.origin
    assert found == TRANSLATED_TRAINING


def test_first_party_test_sets_say_which_of_them_are_translations() -> None:
    for name, task in get_registry().tasks().items():
        if isinstance(task.train, Split):
            assert {source.origin for source in task.train.sources} == {"native"}, name
        for code, table in task.languages.items():
            translated = name in TRANSLATED_EVERYWHERE or (
                name.removesuffix("_cloze").removesuffix("_gen") in TRANSLATED_TESTS and code != "en"
            )
            for split, table_split in table.items():
                expected = "human_translation" if translated else "native"
                if split in ("train", "test-en"):
                    machine = {"machine_translation"}
                    made = {} if split == "test-en" else {"panx": {"native"}, "tydiqa": {"native", *machine}}
                    origins = made.get(name.removesuffix("_hub").replace("udpos", "panx"), machine)
                    assert {source.origin for source in table_split.sources} == origins, (name, code, split)
                    continue
                assert {source.origin for source in table_split.sources} == {expected}, (name, code, split)


@pytest.mark.parametrize("told", [True, False], ids=["told", "as older records"])
def test_no_first_party_source_that_is_a_translation_yields_zero_shot(told: bool) -> None:
    """Alone, below the task's own training, and above it."""
    english = next(way for way in WAYS if way.task.name == "xnli")
    assert sum(way.translated for way in WAYS) > 100 and sum(not way.translated for way in WAYS) > 30
    for way in WAYS:
        for lineage in ([[way]], [[way], [english]], [[english], [way]], [[english, way]]):
            found = setting_of(record_of(stages_of(lineage), told=told))
            zero_shot = not way.translated and (way.task.family == "mlm" or way.languages == {"en"})
            assert found.startswith("zero_shot_en") == zero_shot, (way.task.name, way.train.source, found)
            assert found.startswith("translate_train") == way.translated, (way.task.name, found)


@given(
    lineage=st.lists(st.lists(st.sampled_from(WAYS), min_size=1, max_size=3), min_size=1, max_size=5),
    cut=st.integers(0, 4),
    order=st.randoms(use_true_random=False),
    never=st.booleans(),
)
def test_a_translation_anywhere_in_a_lineage_is_never_zero_shot(
    lineage: list[list[Way]], cut: int, order: random.Random, never: bool
) -> None:
    """However the stages are parted into a checkpoint made before and this run, and whatever the order of the record."""
    earlier, later = stages_of(lineage[:cut]), lineage[cut:]
    before = Before(earlier[-1].lineage, earlier[-1].resources) if earlier else None
    record = record_of(stages_of(later, before), train="never" if never else "auto")
    if later:
        order.shuffle(record["stages"])
        used = run_resources(record, get_registry())
        flat = [way for joint in lineage for way in joint]
        whole = union(of_training(way.task, way.train, images=family(way).reads_images) for way in flat)
        assert {name: value for name, value in used.items() if name != "intermediate"} == whole
        found = setting(record, used)
        assert found.startswith("translate_train") == any(way.translated for way in flat)
        if found.startswith("zero_shot_en"):
            assert set(used["labels"]) <= {"en"}
        end = ("+text:" + ",".join(used["text"]) if used["text"] else "") + ("+images" if used["images"] else "")
        assert (
            found.endswith(end)
            and ("+text" in found) == ("+text" in end)
            and ("+images" in found) == ("+images" in end)
        )


def test_pictures_are_in_the_setting_whatever_comes_before_and_after() -> None:
    english = next(way for way in WAYS if way.task.name == "xnli")
    seen = [way for way in WAYS if way.task.family == "captioning"]
    assert {way.task.name.partition("[")[0] for way in seen} >= {"captions", "scenes"}
    for way in seen:
        for lineage in ([[way]], [[way], [english]], [[english], [way]], [[english, way]]):
            record = record_of(stages_of(lineage))
            assert setting_of(record).endswith("+images"), way.task.name
            assert set(run_resources(record, get_registry())["images"]) == way.languages


# the words of the table


def used(**lists: Any) -> dict[str, Any]:
    return {**union([lists]), "intermediate": lists.get("intermediate", [])}


def moved(target: str) -> dict[str, Any]:
    return {"from": "en", "to": target, "origin": "machine_translation", "system": "x"}


@pytest.mark.parametrize(
    ("resources", "words"),
    [
        ({}, "zero_shot_en"),
        ({"labels": ["en"]}, "zero_shot_en"),
        ({"labels": ["en"], "intermediate": ["mnli", "squad"]}, "zero_shot_en+intermediate:mnli,squad"),
        ({"labels": ["en", "zh"], "intermediate": ["nli[zh]"]}, "labels:en,zh+intermediate:nli[zh]"),
        ({"labels": ["en", "es"], "translations_train": [moved("es")]}, "translate_train"),
        ({"labels": ["es", "de"], "translations_train": [moved("es"), moved("de")]}, "translate_train_all"),
        ({"labels": ["en"], "translations_test": [moved("es")]}, "translate_test"),
        ({"translations_train": [moved("es")], "translations_test": [moved("es")]}, "translate_train+test"),
        (
            {"labels": ["en"], "text": ["ur", "sw"], "images": ["en"], "intermediate": ["mlm[sw,ur]"]},
            "zero_shot_en+intermediate:mlm[sw,ur]+text:sw,ur+images",
        ),
    ],
)
def test_the_setting_of_what_was_used(resources: dict[str, Any], words: str) -> None:
    assert setting({"model": {"kind": "hub"}, "options": {}, "stages": []}, used(**resources)) == words


def test_what_is_scored_as_it_is_stays_so_unless_a_translation_is_known() -> None:
    record = {"model": {"kind": "hub"}, "options": {"train": "never"}, "stages": []}
    assert setting(record, used()) == "as_it_is"
    assert setting(record, used(translations_train=[moved("es")])) == "translate_train"
    assert setting({"model": {"kind": "baseline"}, "options": {}, "stages": []}, used()) == "baseline"


def test_blanks_in_via_do_not_make_another_setting() -> None:
    record = record_of([], via=("mnli + squad", " qqp "))
    assert setting_of(record) == "zero_shot_en+intermediate:mnli+squad,qqp"


def test_a_test_set_that_people_translated_is_no_resource_and_one_of_a_machine_is() -> None:
    def test(*parts: Provenance) -> LoadedSplit:
        return LoadedSplit([], 0, None, "", [], "", provenance=parts)

    assert of_test("de", test(Provenance("", "human_translation", "people"))) == union(())
    made = of_test("de", test(Provenance("", "machine_translation", "x")))["translations_test"]
    assert made == [{"from": None, "to": "de", "origin": "machine_translation", "system": "x"}]
    english = of_test("de", test(Provenance("en", "machine_translation", "x")))["translations_test"]
    assert english == [{"from": "de", "to": "en", "origin": "machine_translation", "system": "x"}]


def test_no_english_of_a_test_set_is_zero_shot_whoever_translated_it() -> None:
    english = next(way for way in WAYS if way.task.name == "xnli")
    record = record_of(stages_of([[english]]))
    count = 0
    for name, task in get_registry().tasks().items():
        for code, table in task.languages.items():
            if code == "en" or "test" not in table:
                continue
            split = into_english(task, code, "test")
            for source in split.sources:
                for origin in (source.origin, "human_translation"):
                    part = Provenance(split.language, origin, source.system)  # type: ignore[arg-type]
                    used = of_test(code, LoadedSplit([], 0, None, "", [], "", provenance=(part,)))
                    unit = {"resources": json.loads(json.dumps(used))}
                    assert setting_of({**record, "units": {"unit": unit}}) == "translate_test", (name, code)
                    count += 1
    assert count > 300


def test_a_mixture_of_languages_has_the_labels_of_all_that_it_lists() -> None:
    table = {code: {"train": Split(HubData("a/b", code, "train"))} for code in ("en", "sw", "zh")}
    whole = Split(HubData("a/b", "all", "train"))
    task = IntermediateTask("mix", 1, "classification", whole, lambda row: None, "accuracy", dev=whole, languages=table)
    assert of_training(task, loaded(task, 0))["labels"] == ["en", "sw", "zh"]
    narrowed = in_languages(task, ["sw"])
    assert of_training(narrowed, loaded(narrowed, 0))["labels"] == ["sw"]


# leaderboard rows


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A run of a time when nothing but the source told what was trained on."""
    folder = write_run(tmp_path / "run", {"tatoeba": {"de": ("0\n1\n", "0\n1\n")}})
    data = {"train": {"fingerprint": "t", "rows": 1, "expected": 1, "source": "facebook/xnli/es/train@0123456789ab"}}
    stage = {"name": "mnli[es]", "tasks": [{"task": "mnli[es]", "version": 1, "provider": "test", "data": data}]}

    def change(record: dict[str, Any]) -> None:
        record["stages"][0].update(stage)
        record["options"]["via"] = ["mnli[es]"]
        record["scores"] = {"tasks": {}, "groups": {}, "overall": None}

    rewrite(folder, change)
    return folder


def test_an_older_record_tells_by_its_sources(older: Path) -> None:
    row = export_row(older, get_registry(), allow_partial=True)
    assert row["setting"] == "translate_train+intermediate:mnli[es]"
    assert row["run"]["resources"]["translations_train"][0]["system"] == "XNLI-MT, of MNLI"


def test_an_older_row_keeps_its_setting_and_is_warned_about(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = export_row(older, get_registry(), allow_partial=True)
    row["cells"] = [{"task": "xnli", "metric": "accuracy", "language": "de", "value": 50.0, "status": "measured"}]
    assert [problem.text for problem in problems(row, get_registry())] == []
    row["setting"] = "zero_shot_en+intermediate:mnli[es]"
    del row["run"]["resources"]
    file = older / "row.json"
    file.write_text(json.dumps(row))
    assert main(["leaderboard", "validate", str(file)]) == 0
    err = capsys.readouterr().err
    assert "trained on machine translation (XNLI-MT, of MNLI), en-es: export the run again" in err


def test_notes_about_training_data_are_shown_with_the_score(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    note = "es: machine translation (XNLI-MT, of MNLI)"
    rewrite(older, lambda record: record["stages"][0]["tasks"][0]["data"]["train"].update(notes=[note]))
    assert main(["report", str(older), "--format", "text"]) == 0
    assert f"mnli[es], trained on: {note}" in capsys.readouterr().out


def test_a_lineage_of_tasks_that_are_not_installed_is_taken_as_before() -> None:
    record = record_of([], via=("gone",))
    record["stages"] = [{"name": "gone", "parent": {"model": "m"}, "tasks": [{"task": "gone", "data": {}}]}]
    assert setting_of(record) == "zero_shot_en+intermediate:gone"
    record["stages"][0]["tasks"][0]["task"] = "gone[sw]"
    assert setting_of(record) == "labels:sw+intermediate:gone"


# what sources say


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"origin": "machine"}, "origin of a source of train must be one of 'native', 'human_translation'"),
        ({"origin": "generated", "system": 7}, "system of a source of train must be a string"),
        ({"system": "DeepL"}, "names the system 'DeepL', but its origin is 'native'"),
    ],
)
def test_a_wrong_origin_is_refused_as_the_plugin_is_loaded(fields: dict[str, Any], words: str) -> None:
    dev = Split(HubData("a/b", None, "dev"))
    for source in (HubData("a/b", None, "train", **fields), FileData(("a",), readers.json_lines, "", **fields)):
        task = IntermediateTask("mine", 1, "classification", Split(source), lambda row: None, "accuracy", dev=dev)
        with pytest.raises(PluginError, match=f"intermediate task 'mine': .*{words}"):
            check("harness_intermediate_tasks", task)


def test_a_wrong_language_of_a_split_is_refused_as_the_plugin_is_loaded() -> None:
    split = Split(HubData("a/b", None, "train"), language="swahili")
    task = IntermediateTask("mine", 1, "classification", split, lambda row: None, "accuracy", dev=split)
    with pytest.raises(PluginError, match="unknown language 'swahili'"):
        check_languages(task, languages())


def translation(folder: Path, about: dict[str, str]) -> LoadedSplit:
    """MNLI in Urdu as it lies in a data folder with these files about it."""
    row = {"premise": "a", "hypothesis": "b", "label": 0}
    for name, text in {"mnli/ur/train.jsonl": json.dumps(row) + "\n", **about}.items():
        (folder / "translated" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "translated" / name).write_text(text, encoding="utf-8")
    task = in_languages(get_registry().intermediate("mnli"), ["ur"])
    return load_examples(task, task.train, data_dir=folder, offline=True)


@pytest.mark.parametrize(
    ("about", "found", "notes"),
    [
        ({}, ("machine_translation", ""), ("ur: machine translation",)),
        (
            {"about.toml": 'origin = "machine_translation"\nsystem = "NLLB-200 3.3B"'},
            ("machine_translation", "NLLB-200 3.3B"),
            ("ur: machine translation (NLLB-200 3.3B)",),
        ),
        (
            {"about.toml": 'origin = "generated"', "mnli/about.toml": 'origin = "human_translation"'},
            ("human_translation", ""),
            ("ur: human translation",),
        ),
        ({"mnli/about.toml": "not read", "mnli/ur/about.toml": 'origin = "native"'}, ("native", ""), ()),
    ],
)
def test_a_translation_of_ones_own_is_what_the_nearest_file_about_it_says(
    tmp_path: Path, about: dict[str, str], found: tuple[str, str], notes: tuple[str, ...]
) -> None:
    read = translation(tmp_path, about)
    (part,) = read.provenance
    assert (part.language, part.origin, part.system) == ("ur", *found)
    assert read.notes == notes


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("origin: native", r"about\.toml: not TOML: .*line 1"),
        ('origin = "machine"', r"about\.toml: origin 'machine', expected one of native, human_translation"),
        ('system = "NLLB"', r"about\.toml: no origin, expected one of"),
        ('origin = "native"\nsytem = "NLLB"', r"about\.toml: unknown key 'sytem'; did you mean 'system'\?"),
        ('origin = "generated"\nsystem = 3', r"about\.toml: system 3, expected text"),
    ],
)
def test_mistakes_in_a_file_about_a_translation_are_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        translation(tmp_path, {"mnli/ur/about.toml": text})
    assert caught.value.hint.startswith("origin = one of native")


def test_the_origin_of_a_translation_changes_its_provenance_and_no_fingerprint(tmp_path: Path) -> None:
    machine = translation(tmp_path, {})
    native = translation(tmp_path, {"about.toml": 'origin = "native"'})
    assert machine.fingerprint == native.fingerprint and machine.examples == native.examples
    assert machine.examples == [Pair("ur:0", "a", "b", "entailment")] and machine.provenance != native.provenance


def test_tasks_show_says_the_origin_of_each_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "show", "mnli", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    spanish = shown["languages"]["es"]["train"]["sources"]
    assert {(source["origin"], source["system"]) for source in spanish} == {("machine_translation", "XNLI-MT, of MNLI")}
    assert [source["origin"] for source in shown["train_data"]["sources"]] == ["native"]
    assert main(["tasks", "show", "squad"]) == 0
    out = capsys.readouterr().out
    assert "machine translation (SQuAD-es, of SQuAD)" in out and "native" in out


# from a command to a row


def test_what_a_checkpoint_was_trained_on_goes_with_it(
    corpus: Path, small_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Trained on a translation, scored as an encoder and after more training, then described otherwise."""
    data, out = tmp_path / "data", tmp_path / "trained"
    translation(data, {"about.toml": 'origin = "machine_translation"\nsystem = "NLLB"'})
    fast = ["--data-dir", f"{data}:{corpus}", "--train-limit", "4", "--set", "max_steps=1", "--offline"]
    train = ["train", "--model", small_model, "--task", "mnli[ur]", *fast, "--out", out, "--json"]
    assert main([str(word) for word in train]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["lineage"] == ["mnli[ur]"] and first["resources"]["labels"] == ["ur"]

    moved = {"from": "en", "to": "ur", "origin": "machine_translation", "system": "NLLB"}
    for selected, stages, labels in (("tatoeba[de]", [], ["ur"]), ("xnli[de]", ["xnli"], ["en", "ur"])):
        run = tmp_path / selected
        score = ["eval", "--model", out, "--task", selected, *fast, "--limit", "8", "--out", run]
        assert main([str(word) for word in score]) == 0
        record = json.loads((run / "record.json").read_text())
        assert [stage["name"] for stage in record["stages"]] == stages
        assert record["resources"]["translations_train"] == [moved] and record["resources"]["labels"] == labels
        (unit,) = record["units"].values()
        assert unit["resources"] == union(()) and unit["data"]["provenance"][0]["origin"] == "human_translation"
        row = export_row(run, get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
        assert row["setting"] == "translate_train+intermediate:mnli[ur]"
        assert problems(row, get_registry()) == []
        capsys.readouterr()
        assert main(["report", str(run), "--format", "md"]) == 0
        assert "trained on machine translation (NLLB), en-ur" in capsys.readouterr().out
    assert main(["eval", *map(str, score[1:]), "--train", "never", "--out", str(tmp_path / "never")]) == 0
    row = export_row(tmp_path / "never", get_registry(), allow_partial=True, allow_dirty=True, allow_unpinned=True)
    assert row["setting"] == "translate_train"

    (data / "translated/about.toml").write_text('origin = "native"')
    capsys.readouterr()
    assert main([str(word) for word in train]) == 0
    second = json.loads(capsys.readouterr().out)
    assert (second["key"], second["fingerprint"]) == (first["key"], first["fingerprint"])
    assert second["resources"]["translations_train"] == [] and second["seconds"] == first["seconds"]


def test_tasks_show_names_the_translators_once_below_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tasks", "show", "xnli"]) == 0
    table, notes = capsys.readouterr().out.split("\n\n", 2)[-1].rsplit("\n  ", 1)
    assert "human translation" in table and "(" not in table and "professional translators" in notes
