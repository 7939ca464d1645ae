"""The sample corpus: same bytes for a seed, the real data sets' columns, labels that follow from meaning alone."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from harness.core.errors import UsageError
from harness.data.sample import MARKER, sample_languages, sample_text, write_sample_corpus
from harness.data.sample.grammar import ask, realise
from harness.data.sample.inference import inferences
from harness.data.sample.lexicon import LANGUAGES, concepts, table
from harness.data.sample.meaning import Fact, Ref
from harness.data.sample.morphology import VERB_FORMS, particle
from harness.data.sample.paraphrase import paraphrases, question_pairs
from harness.data.sample.questions import questions
from harness.data.sample.tagging import statements
from harness.data.sample.world import World

SCRIPTS = {"ar": "ARABIC", "hi": "DEVANAGARI", "ko": "HANGUL", "ru": "CYRILLIC", "zh": "CJK"}
QA_FILES = "XQuAD.* MLQA.* SQuAD tydiqa ../../rajpurkar/squad/* ../../rajpurkar/squad_v2/*"


def rows(corpus: Path, place: str) -> list[dict[str, Any]]:
    return pq.read_table(corpus / f"{place}-00000-of-00001.parquet").to_pylist()


def digest(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def person(given: str, surname: str) -> Ref:
    return Ref("person", (given, surname))


def test_same_bytes_for_the_same_seed_and_others_for_another(corpus: Path, tmp_path: Path) -> None:
    write_sample_corpus(tmp_path / "again", size="tiny")
    assert digest(corpus) == digest(tmp_path / "again")
    write_sample_corpus(tmp_path / "other", size="tiny", seed=1)
    first, other = digest(corpus), digest(tmp_path / "other")
    assert first.keys() == other.keys()
    # The lexicon is the same whatever is said with it.
    assert {name for name in first if first[name] == other[name]} == {
        "synonyms/en.json",
        "translated/pawsx/about.toml",
        "translated/xnli/about.toml",
        *(f"labels/{task}/{code}.json" for task in ("topics", "topics_seen") for code in LANGUAGES),
    }


def test_synonyms_are_in_the_same_form_and_in_the_text(corpus: Path) -> None:
    table = json.loads((corpus / "synonyms" / "en.json").read_text(encoding="utf-8"))
    assert table["bought"] == ["purchased"] and table["buy"] == ["purchase"]
    assert all(word in table[other] for word, others in table.items() for other in others)
    text = set((corpus / "text" / "en.txt").read_text(encoding="utf-8").split())
    assert text & set(table)


def test_columns_and_class_names_are_those_of_the_real_data(corpus: Path, shared_data: Path) -> None:
    compared = set()
    for path in sorted(corpus.rglob("*.parquet")):
        place = path.relative_to(corpus)
        config = shared_data / place.parent
        real = next(iter(sorted(config.glob("*.parquet"))), None)
        if real is None and place.parts[:2] == ("google", "xtreme"):  # the excerpt lacks this language of the task
            task = place.parts[2].split(".")[0]
            real = next(iter(sorted((shared_data / "google" / "xtreme").glob(f"{task}.*/*.parquet"))), None)
        if real is None:
            continue
        ours, theirs = pq.read_schema(path), pq.read_schema(real)
        assert ours.equals(theirs), place
        features = [json.loads(schema.metadata[b"huggingface"]) for schema in (ours, theirs)]
        assert features[0] == features[1], place
        compared.add(place.parts[1] if place.parts[0] != "google" else place.parts[2].split(".")[0])
    assert len(compared) >= 18, compared


def test_datasets_loads_class_labels(corpus: Path, tmp_path: Path) -> None:
    import datasets

    file = str(corpus / "google/xtreme/PAN-X.sw/test-00000-of-00001.parquet")
    loaded = datasets.load_dataset("parquet", data_files=file, split="train", cache_dir=str(tmp_path))
    names = loaded.features["ner_tags"].feature.names
    assert names == ["O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC"]
    assert {len(row["tokens"]) - len(row["ner_tags"]) for row in loaded} == {0}


def test_marker_says_that_this_is_the_sample_corpus(corpus: Path) -> None:
    marker = json.loads((corpus / MARKER).read_text())
    assert marker["corpus"] == "harness sample corpus"
    assert tuple(marker["languages"]) == sample_languages()
    assert not list(corpus.rglob("*.tmp"))


def test_every_answer_stands_at_its_offset(corpus: Path) -> None:
    checked = 0
    for pattern in QA_FILES.split():
        folder = corpus / "google" / "xtreme"
        base, name = (folder, pattern) if ".." not in pattern else (corpus, pattern.removeprefix("../../"))
        for path in sorted(base.glob(f"{name}/*.parquet")):
            for row in pq.read_table(path).to_pylist():
                for text, start in zip(row["answers"]["text"], row["answers"]["answer_start"], strict=True):
                    assert text and row["context"][start : start + len(text)] == text, (path, row)
                    checked += 1
    assert checked > 500


def test_some_questions_of_squad2_have_no_answer(corpus: Path) -> None:
    answered = Counter(bool(row["answers"]["text"]) for row in rows(corpus, "rajpurkar/squad_v2/squad_v2/train"))
    assert min(answered[True], answered[False]) > 5


def test_questions_have_one_answer_of_several_types() -> None:
    asked = list(questions(World(0, "test"), 300))
    assert {item.role for item in asked} == set("ALTON")
    for item in asked:
        sentences = [realise(fact, "en", style).text for fact, style in item.facts]
        assert len(set(sentences)) == len(sentences)
        assert 3 <= len(sentences) <= 6


def test_parallel_test_sets_keep_ids_and_labels_over_languages(corpus: Path) -> None:
    ids = [[row["id"] for row in rows(corpus, f"google/xtreme/XQuAD.{code}/validation")] for code in ("en", "hi", "zh")]
    assert ids[0] == ids[1] == ids[2] and len(set(ids[0])) == len(ids[0])
    by_language = defaultdict(list)
    for row in rows(corpus, "google/xtreme/XNLI/test"):
        by_language[row["language"]].append(row["gold_label"])
    assert len(by_language) == 9 and len({tuple(labels) for labels in by_language.values()}) == 1
    english = [row["label"] for row in rows(corpus, "google/xtreme/PAWS-X.en/test")]
    assert english == [row["label"] for row in rows(corpus, "google/xtreme/PAWS-X.ko/test")]
    tatoeba = [rows(corpus, f"google/xtreme/tatoeba.{code}/validation") for code in ("deu", "swh", "cmn")]
    assert len({tuple(row["target_sentence"] for row in made) for made in tatoeba}) == 1
    assert all(row["source_sentence"].endswith("\n") for row in tatoeba[0])
    assert len({row["source_sentence"] for row in tatoeba[1]}) == len(tatoeba[1])


def test_the_same_digits_and_as_many_names_in_every_language() -> None:
    for fact, style in statements(World(0, "test"), 200):
        english = realise(fact, "en", style)
        for language in LANGUAGES:
            other = realise(fact, language, style)
            assert sorted(re.findall(r"\d+", other.text)) == sorted(re.findall(r"\d+", english.text)), other.text
            kinds = [{token.entity for token in sentence.tokens} for sentence in (english, other)]
            assert kinds[0] == kinds[1], other.text


def test_scripts_differ_and_chinese_has_no_spaces() -> None:
    for language, script in SCRIPTS.items():
        text = "".join(sample_text(language, size="tiny"))
        names = [unicodedata.name(char, "") for char in text if char.isalpha()]
        assert sum(name.startswith(script) for name in names) > 0.99 * len(names), language
    assert not any(" " in line for line in sample_text("zh", size="tiny"))


def test_plain_text_is_parallel_and_written(corpus: Path) -> None:
    german, arabic = (sample_text(code, size="tiny") for code in ("de", "ar"))
    assert len(german) == len(arabic)
    assert (corpus / "text" / "de.txt").read_text(encoding="utf-8").splitlines() == german
    with pytest.raises(UsageError, match="'xx'"):
        sample_text("xx")


def test_bucc_gold_points_into_both_pools(corpus: Path) -> None:
    for code in ("de", "fr", "ru", "zh"):
        prefix = corpus / "bucc2018" / f"{code}-en" / f"{code}-en.test"
        pools = [
            dict(line.split("\t") for line in Path(f"{prefix}.{side}").read_text(encoding="utf-8").splitlines())
            for side in (code, "en")
        ]
        gold = [line.split("\t") for line in Path(f"{prefix}.gold").read_text().splitlines()]
        for side, pool in enumerate(pools):
            used = [pair[side] for pair in gold]
            assert len(set(used)) == len(used) and set(used) <= pool.keys()
            assert len(pool) > 2 * len(gold)
            repeated = {text for text, count in Counter(pool.values()).items() if count > 1}
            assert repeated and not repeated & {pool[key] for key in used}


def test_nli_labels_are_balanced_and_no_word_gives_them_away() -> None:
    drawn = list(inferences(World(0, "test"), 1200))
    texts = [(*item.texts("en"), item.label) for item in drawn]
    assert set(Counter(item.label for item in drawn).values()) == {400}
    for label in ("entailment", "neutral", "contradiction"):
        negated = sum(" not " in hypothesis for _, hypothesis, gold in texts if gold == label)
        assert 0.4 < negated / 400 < 0.6, label
    for side in (0, 1):
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for row in texts:
            for word in set(re.findall(r"\w+", row[side].lower())):
                counts[word][row[2]] += 1
        total = Counter(dict.fromkeys(("entailment", "neutral", "contradiction"), 400))
        rules = ((max(have.values()) + max((total - have).values())) / 1200 for have in counts.values())
        assert max(rules) < 0.45  # chance is a third


def test_nli_follows_from_meaning() -> None:
    """What must hold of any pair whose premise is one fact: the labels are not arbitrary."""
    for item in inferences(World(1, "test"), 400, context=0):
        (premise,), hypothesis = item.premise, item.hypothesis
        kept = all(hypothesis[slot] == ref for slot, ref in premise.slots.items() if slot in hypothesis)
        if kept and len(hypothesis.slots) <= len(premise.slots) and not premise.negated:
            expected = "contradiction" if hypothesis.negated else "entailment"
            assert item.label == expected, item.texts("en")
        agents = [fact["A"] for fact in (premise, hypothesis) if "A" in fact]
        if len(agents) == 2 and agents[0].kind == "person" and agents[0] != agents[1]:
            assert item.label == "neutral", item.texts("en")


def test_paraphrases_share_their_words_whatever_the_label() -> None:
    overlap: dict[bool, list[float]] = {True: [], False: []}
    swapped = 0
    for item in paraphrases(World(0, "test"), 400):
        one, two = (Counter(re.findall(r"\w+", text.lower())) for text in item.texts("en"))
        overlap[item.same].append((one & two).total() / max(one.total(), two.total()))
        swapped += one == two and not item.same
    means = {same: sum(values) / len(values) for same, values in overlap.items()}
    assert len(overlap[True]) == len(overlap[False])
    assert min(means.values()) > 0.7 and abs(means[True] - means[False]) < 0.1
    assert swapped > 20  # the same bag of words, another meaning


def test_question_pairs_are_balanced_and_no_word_gives_them_away() -> None:
    drawn = list(question_pairs(World(0, "test"), 600))
    assert Counter(same for *_, same in drawn) == {True: 300, False: 300}
    counts: dict[str, Counter[bool]] = defaultdict(Counter)
    for one, two, same in drawn:
        for word in set(re.findall(r"\w+", f"{one} {two}".lower())):
            counts[word][same] += 1
    assert max(0.5 + abs(have[True] - have[False]) / 600 for have in counts.values()) < 0.65


def test_word_forms_with_several_tags_and_names_with_several_types(corpus: Path) -> None:
    tags: dict[str, set[int]] = defaultdict(set)
    for fact, style in statements(World(0, "test"), 2000):
        for token in realise(fact, "en", style).tokens:
            tags[token.text.lower()].add(token.pos)  # type: ignore[arg-type]
    assert {"NOUN", "VERB"} <= tags["watch"] and {"NOUN", "VERB"} <= tags["guide"] and {"NOUN", "ADJ"} <= tags["light"]
    names: dict[str, set[str]] = defaultdict(set)
    tagged = rows(corpus, "google/xtreme/PAN-X.en/train")
    for row in tagged:
        for word, tag in zip(row["tokens"], row["ner_tags"], strict=True):
            names[word].add({0: "O", 1: "PER", 2: "PER", 3: "ORG", 4: "ORG", 5: "LOC", 6: "LOC"}[tag])
    assert any(len(kinds - {"O"}) > 1 for kinds in names.values())
    for row in tagged:  # IOB2: an I- tag continues an entity of its type
        for before, tag in zip([0, *row["ner_tags"]], row["ner_tags"], strict=False):
            assert tag not in (2, 4, 6) or before in (tag, tag - 1), row


def test_choices_have_their_answer_among_distinct_options(corpus: Path) -> None:
    for row in rows(corpus, "Rowan/hellaswag/data/train"):
        assert len(set(row["endings"])) == 4 and row["label"] in "0123"
    for row in rows(corpus, "tau/commonsense_qa/data/train"):
        assert len(set(row["choices"]["text"])) == 5 and row["answerKey"] in row["choices"]["label"]
    places = Counter(row["label"] for row in rows(corpus, "allenai/cosmos_qa/data/train"))
    assert set(places) == {0, 1, 2, 3}
    english, swahili = (
        [row["label"] for row in rows(corpus, place)]
        for place in ("aps/super_glue/copa/test", "cambridgeltl/xcopa/sw/test")
    )
    assert english == swahili


def test_grammar_agrees_declines_and_joins() -> None:
    anna = person("anna", "weber")
    key = Ref("verb", ("buy",))
    bought = Fact("did", {"A": anna, "V": key, "O": Ref("noun", ("apple",), 7), "T": Ref("day", ("tuesday",))})
    assert realise(bought, "en").text == "Anna Weber bought 7 apples on Tuesday."
    assert realise(bought, "en", "front").text == "On Tuesday, Anna Weber bought 7 apples."
    assert realise(bought.negate(), "de").text == "Anna Weber kaufte 7 Äpfel am Dienstag nicht."
    assert realise(bought, "ru").text == "Анна Вебер купила 7 яблок во вторник."
    assert realise(bought, "hi").text == "अन्ना वेबर ने मंगलवार को 7 सेब खरीदे।"
    assert realise(bought, "zh").text == "安娜·韦伯星期二买了7个苹果。"
    assert realise(bought, "ko").text == "안나 베버는 화요일에 사과 7개를 샀다."
    assert realise(bought, "ko").span("A") == ("안나 베버", 0)
    assert ask("did.when", bought, "ar", "T").text == "متى اشترت آنا فيبر 7 تفاحات؟"
    helped = Fact("did", {"A": Ref("noun", ("student",)), "V": Ref("verb", ("help",)), "O": Ref("noun", ("boy",))})
    assert realise(helped, "es").text == "El estudiante ayudó al niño."
    assert realise(helped, "de", "passive").text == "Der Junge wurde vom Studenten unterstützt."
    assert realise(helped.negate(), "fr").text == "L'étudiant n'a pas aidé le garçon."
    assert realise(helped.negate(), "sw").text == "Mwanafunzi hakumsaidia mvulana."
    assert particle("집", "은") == "은" and particle("나", "은") == "는" and particle("나", "에서") == "에서"


def test_lexicons_have_the_forms_that_morphology_names() -> None:
    for verb in table("verbs").values():
        for language in set(LANGUAGES) - {"hi", "sw", "zh"}:
            assert len(verb.forms(language)) == len(VERB_FORMS[language].split()), (verb.concept, language)
        assert len(verb.forms("hi")) == (3 if verb.features["kind"] == "human" else 5), verb.concept
    for key in concepts("nouns", "thing"):
        for language in ("de", "es", "fr", "ru", "ar", "hi"):
            assert table("nouns")[key].forms(language)[0] in {"m", "f", "n"}, (key, language)
    for entry in (*table("nouns").values(), *table("verbs").values()):
        related = [entry.features.get("isa"), entry.features.get("opposite")]
        assert all(not name or name in table("nouns") or name in table("verbs") for name in related)


def test_an_impossible_size_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'huge'"):
        write_sample_corpus(tmp_path, size="huge")
    assert not list(tmp_path.iterdir())
