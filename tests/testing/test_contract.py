"""The contract kit: a sound plugin passes every check, and each check catches what it is for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from textwrap import dedent, indent

import pytest
from click.testing import CliRunner
from own_task import PLUGIN, write_data

from harness.cli.main import cli
from harness.cli.plugins import check as check_command
from harness.core.errors import UsageError
from harness.registry.registry import Registry
from harness.testing import CHECKS, Outcome, check_plugin
from harness.testing.contract import ODD
from harness.testing.odd import odd_examples
from harness.types.examples import GoldPair, Pair, Tagged

FAMILY = """
from harness.families.classification import Classification

class Mine(Classification):
{body}

@hookimpl
def harness_families():
    yield Family("own", (Pair,), f"{{__name__}}:Mine", "harness.scoring.formats.labels:Labels")

FIELDS["family"] = "own"
"""


def family(body: str) -> str:
    return FAMILY.format(body=indent(dedent(body).strip(), "    "))


OBJECTIVE = """
from dataclasses import dataclass, field
from harness import Objective, StageObjective

@dataclass(frozen=True)
class Strength:
    strength: float = field(default=1.0, metadata={{"keyed": "{keyed}"}})

class Noisy(StageObjective):
    off = {{"strength": 0.0}}
    Options = Strength

    def loss(self, model, batch, plain, context):
{body}

@hookimpl
def harness_objectives():
    yield Objective("noisy", 1, f"{{__name__}}:Noisy")
"""


def objective(body: str, keyed: str = "value") -> str:
    return OBJECTIVE.format(body=indent(dedent(body).strip(), " " * 8), keyed=keyed)


def published(path: str) -> str:
    return f"""
from pathlib import Path
from harness import PublishedRows

(Path(__file__).parent / "rows.json").write_text("{{}}")

@hookimpl
def harness_published_rows():
    yield PublishedRows("others", {path})
"""


def language(code: str, iso639_3: str, name: str, genus: str = "Celtic") -> str:
    return f"""
from harness import Language

@hookimpl
def harness_languages():
    yield Language({code!r}, {iso639_3!r}, {name!r}, "Latn", "Indo-European", {genus!r})
"""


BROKEN = {
    "loads": ("import no_such_package", "No module named 'no_such_package'"),
    "references": ("FIELDS['metric'] = 'acuracy'", "did you mean 'accuracy"),
    "published-rows": (published("Path(__file__).parent / 'rows.json'"), "'schema' is a required property"),
    "light": ("import faiss", "imports faiss"),
    "quick": ("import time\ntime.sleep(1.5)", "1."),
    "licence": ("FIELDS['licence'] = ''", "without licence"),
    "languages": (
        "FIELDS['languages'] = {**FIELDS['languages'], 'de': {'extra': split('test', 'en')}}",
        "neither test nor dev: de",
    ),
    "readable": (
        "FIELDS['example'] = lambda row: Tagged(row['id'], (row['text'],), None)",
        "Tagged where the family 'classification' takes Pair",
    ),
    "ids": ("FIELDS['example'] = lambda row: Pair('1', row['text'], '', row['label'])", "the id '1' occurs twice"),
    "labels": ("FIELDS['example'] = lambda row: Pair(row['id'], row['text'], '', 'fine')", "'fine' is not one of"),
    "sizes": ("FIELDS['languages']['sw']['test'] = split('test', 'sw', rows=5)", "8 where the task says 5"),
    "deterministic": (
        "import random\nFIELDS['example'] = lambda row: Pair(row['id'], str(random.random()), '', row['label'])",
        "two readings differ",
    ),
    "example-store": (
        """
from harness import ExampleStore

class Skewed(ExampleStore):
    fingerprint = "skewed"

    def __init__(self, path):
        self.examples = [read(row) for row in lines(path)]

    def __len__(self):
        return len(self.examples)

    def __getitem__(self, index):
        return self.examples[index] if isinstance(index, int) else self.examples[index.start : index.stop]

    def limited(self, limit):
        return self

def store(name, code):
    return Split(FileData((f"mine/{name}-{code}.jsonl",), Skewed, "it is made by the test"))

FIELDS["languages"] = splits("en sw", dev=lambda code: store("dev", code), test=lambda code: store("test", code))
""",
        "slicing: store[0:64:3] is not the examples that indexing gives",
    ),
    "launching": (
        """
from harness import JobLauncher, Launcher

class Hasty(JobLauncher):
    def submit(self, job):
        pass

    def poll(self, handle):
        return True

    def cancel(self, handle):
        pass

@hookimpl
def harness_launchers():
    yield Launcher("hasty", f"{__name__}:Hasty")
""",
        "a stage: ended 2 times without a result",
    ),
    "feature-rows": (
        family("""
            def features(self, tokenizer, examples, *, training):
                features = super().features(tokenizer, examples, training=training)

                class Relative(type(features)):
                    def batch(self, rows, pad_id):
                        batch = super().batch(rows, pad_id)
                        return {**batch, "share": batch["attention_mask"].sum(axis=1) / batch["attention_mask"].sum()}

                return Relative(**vars(features))
        """),
        "share of row 0 differs",
    ),
    "batches": (
        family("""
            def outputs(self, model, batch):
                logits = super().outputs(model, batch)["logits"]
                return {"logits": logits.flip(-1) if len(logits) > 1 else logits}
        """),
        "differs",
    ),
    "odd-text": (
        family("""
            def features(self, tokenizer, examples, *, training):
                [example.a.split()[0] for example in examples]
                return super().features(tokenizer, examples, training=training)
        """),
        "IndexError",
    ),
    "objective-off": (
        objective("""
            import torch

            torch.rand(1)
            return plain(batch)
        """),
        "with strength=0.0 it is not plain training",
    ),
    "objective-record": (
        objective("return plain(batch)", keyed="never"),
        "option strength: it measures, and is not in the key",
    ),
    "objective-kill": (
        objective("""
            self.calls = getattr(self, "calls", 0) + 1
            loss, terms = plain(batch)
            return loss * (1 + self.calls % 5), terms
        """),
        "weights differ",
    ),
    "objective-cut": (
        objective("""
            loss, terms = plain(batch)
            return loss * len(context.rows), terms
        """),
        "in small ones",
    ),
    "training": (
        family("""
            def loss(self, model, batch):
                loss, count = super().loss(model, batch)
                return loss * float("nan"), count
        """),
        "diverged",
    ),
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "data")


def checked(folder: Path, source: str, data: Path | None, *checks: str) -> list[Outcome]:
    path = folder / "mine.py"
    path.write_text(source, encoding="utf-8")
    return check_plugin("mine", checks=checks, data_dir=data, registry=Registry([path]))


def test_a_sound_plugin_passes_every_check(tmp_path: Path, data: Path) -> None:
    outcomes = checked(tmp_path, PLUGIN, data)
    assert [o for o in outcomes if o.status != "passed"] == []
    assert list(dict.fromkeys(o.check for o in outcomes)) == list(CHECKS)
    assert {o.subject for o in outcomes if o.check == "odd-text"} == {f"task mine, {kind}" for kind in ODD}
    assert re.fullmatch(r"(en|sw) test: accuracy \d+\.\d \(chance 50\.0\)", outcomes[-1].detail)


def test_every_check_has_a_plugin_that_fails_it() -> None:
    assert list(BROKEN) == list(CHECKS)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_catches_what_it_is_for(tmp_path: Path, data: Path, check: str) -> None:
    source, reason = BROKEN[check]
    outcomes = checked(tmp_path, PLUGIN + "\n" + source, data, check)
    failed = [o for o in outcomes if o.status == "failed"]
    assert failed and all(o.check == check for o in outcomes)
    assert any(reason in o.detail for o in failed), failed


@pytest.mark.parametrize(
    ("source", "check", "reason"),
    [
        (published("Path(__file__).parents[1] / 'mine' "), "published-rows", "not in the distribution of the plugin"),
        (language("gx", "deu", "Gaelic"), "languages", "iso639_3 'deu' is that of de and gx"),
        (language("gx", "gla", "german"), "languages", "name 'german' is that of de and gx"),
        (
            language("gx", "gla", "Gaelic", "Celtic, Insular"),
            "languages",
            "cannot be selected: unknown family 'Celtic'",
        ),
        (language("gx", "gla", "Gaelic", "Celtic [Insular]"), "languages", "cannot be selected: unbalanced brackets"),
    ],
)
def test_further_faults_of_languages_and_published_rows_are_caught(
    tmp_path: Path, source: str, check: str, reason: str
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "plugin").mkdir()
    outcomes = checked(tmp_path / "plugin", PLUGIN + source, None, check)
    assert any(reason in o.detail for o in outcomes if o.status == "failed"), outcomes


def test_a_language_and_published_rows_that_are_sound_pass(tmp_path: Path) -> None:
    source = PLUGIN + language("gx", "gla", "Gaelic", "Insular Celtic")
    outcomes = checked(tmp_path, source, None, "languages")
    assert ("language gx", "passed") in [(o.subject, o.status) for o in outcomes]
    (outcome,) = check_plugin("benchmarks", checks=["published-rows"], registry=Registry())
    assert outcome.status == "passed" and outcome.subject == "published rows published"


def test_without_data_the_checks_that_need_them_are_skipped(tmp_path: Path) -> None:
    outcomes = checked(tmp_path, PLUGIN, tmp_path)
    skipped = {o.check for o in outcomes if o.status == "skipped"}
    assert skipped == {"readable", "ids", "labels", "sizes", "deterministic", "batches", "odd-text", "training"}
    assert {o.status for o in outcomes if o.check not in skipped} == {"passed"}
    assert all("not found" in o.detail for o in outcomes if o.status == "skipped")


def test_an_unknown_plugin_or_check_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    registry = Registry()
    with pytest.raises(UsageError, match="no plugin is called 'xnil'") as caught:
        check_plugin("xnil", registry=registry)
    assert "'xnli'" in caught.value.hint
    with pytest.raises(UsageError, match="there is no check 'label'") as caught:
        check_plugin("xnli", checks=["label"], registry=registry)
    assert "'labels'" in caught.value.hint


def test_help_lists_exactly_the_checks() -> None:
    shown = CliRunner().invoke(check_command, ["--help"]).output.partition("Checks:\n")[2]
    assert re.findall(r"^  (\S+)", shown, re.MULTILINE) == list(CHECKS)
    for check in CHECKS.values():
        assert check.demands in " ".join(shown.split())


def test_plugins_check_runs_the_chosen_checks_and_fails_for_a_broken_plugin(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN, encoding="utf-8")
    arguments = ["--plugin", str(path), "plugins", "check", "mine", "--data-dir", str(data)]
    done = CliRunner().invoke(cli, [*arguments, "--only", "ids", "--only", "sizes", "--json"])
    assert done.exit_code == 0
    assert [(o["check"], o["status"]) for o in json.loads(done.stdout)] == [("ids", "passed"), ("sizes", "passed")]
    path.write_text(PLUGIN + BROKEN["ids"][0], encoding="utf-8")
    broken = tmp_path / "broken.py"
    broken.write_text(PLUGIN.replace('"mine"', '"ours"') + BROKEN["ids"][0], encoding="utf-8")
    done = CliRunner().invoke(cli, ["--plugin", str(broken), "plugins", "check", "broken", "--data-dir", str(data)])
    assert done.exit_code != 0 and "the id '1' occurs twice" in done.stdout


def test_odd_text_keeps_ids_and_shapes() -> None:
    assert [kind for kind, _ in odd_examples(Pair("7", "a", "b", None))] == list(ODD)
    for kind, example in odd_examples(Tagged("7", ("a", "b"), ("X", "Y"))):
        assert isinstance(example, Tagged) and example.id == "7" and example.tags is not None
        assert len(example.words) == len(example.tags) == (10_000 if kind == "10,000 tokens" else 2)
    assert all(example == GoldPair("1", "2") for _, example in odd_examples(GoldPair("1", "2")))


def test_a_plugin_is_found_by_the_name_of_what_it_provides() -> None:
    """A package from ``harness new`` keeps its task in plugin.py, which is no name that its author would think of."""
    (outcome,) = check_plugin("tatoeba_mteb", checks=["loads"], registry=Registry())
    assert outcome.status == "passed" and "tatoeba_mteb" in outcome.detail and outcome.subject.endswith(":tatoeba")
