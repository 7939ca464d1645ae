"""Mewsli-X: which of a million entities, described in fifty languages, does a news article mention?"""

import re
from functools import partial

from harness import Candidate, FileData, Match, Query, Split, TargetTask, hookimpl, readers, splits

OBTAIN = (
    "run get-mewsli-x.sh (github.com/google-research/google-research, dense_representations_for_entity_retrieval/mel), "
    "which restores the text of the news, and copy mewsli_x/output/dataset/*.jsonl to DATA_DIR/mewslix"
)
LANGUAGES = "ar de en es fa ja pl ro ta tr uk"
DEV = dict(zip(LANGUAGES.split(), (318, 326, 316, 311, 72, 310, 304, 145, 312, 262, 315), strict=True))
TEST = dict(zip(LANGUAGES.split(), (1501, 1551, 1490, 1552, 458, 1519, 1562, 672, 1567, 1215, 1537), strict=True))


def tidy(text):
    return " ".join(text.splitlines()).replace("  ", " ").strip()


def query(context, mention):
    """The mention, a colon, and the sentence around it with the mention in braces; braces of the text become round."""
    text, start, end = context["text"], mention["mention_span"]["start"], mention["mention_span"]["end"]
    sentences = [span for span in context["sentence_spans"] if span["start"] <= start and end <= span["end"]]
    left, right = (sentences[0]["start"], sentences[0]["end"]) if sentences else (start, end)
    before, after = (re.sub(r"\{(.*?)\}", r"(\1)", part) for part in (text[left:start], text[end:right]))
    name = text[start:end]
    return tidy(f"{name}: {before} {{ {name} }} {after}")


def description(entity):
    text = entity["description"]
    return tidy(" ".join(text[span["start"] : span["end"]] for span in entity["sentence_spans"]))


def mentions(articles, labels=None, *, language):
    """The mentions in the articles of one language; XTREME's download keeps the entities in a separate file."""
    answers = next(iter(readers.json_lines(labels))) if labels is not None else {}
    for article in readers.json_lines(articles):
        context = article["context"]
        for mention in article["mentions"] if context["language"] == language else ():
            name = mention["example_id"]
            relevant = answers.get(name) or [mention["entity_id"]]
            yield {
                "query": name,
                "text": query(context, mention),
                "relevant": [entity for entity in relevant if entity],
            }


def pairs(path):
    for row in readers.json_lines(path):
        asked = row["contextual_mention"]
        text = query(asked["context"], asked["mention"])
        yield {"match": asked["mention"]["example_id"], "text": text, "candidate": description(row["entity"])}


def entities(path):
    for row in readers.json_lines(path):
        yield {"entity": row["entity_id"], "text": description(row)}


def read(row):
    if "entity" in row:
        return Candidate(row["entity"], row["text"])
    if "match" in row:
        return Match(row["match"], row["text"], row["candidate"])
    return Query(row["query"], row["text"], tuple(row["relevant"]))


def news(code, name, rows):
    of_language = partial(mentions, language=code)
    article, labels = f"mewslix/wikinews_mentions/{name}-{code}.jsonl", f"mewslix/wikinews_labels/{name}-{code}.json"
    return Split(
        FileData((article, labels), of_language, OBTAIN),
        FileData((f"mewslix/wikinews_mentions-{name}.jsonl",), of_language, OBTAIN),
        FileData((article,), of_language, OBTAIN, note="without gold entities"),
        rows=rows,
    )


def wikipedia(name, rows):
    return Split(FileData((f"mewslix/wikipedia_pairs-{name}.jsonl",), pairs, OBTAIN), rows=rows)


MEWSLIX = TargetTask(
    name="mewslix",
    title="Mewsli-X",
    version=1,
    family="dual_encoder",
    train=wikipedia("train", 167_719),
    pool=Split(FileData(("mewslix/candidate_set_entities.jsonl",), entities, OBTAIN), rows=1_003_893),
    languages=splits(
        LANGUAGES,
        dev=lambda code: wikipedia("dev", 14_051) if code == "en" else news(code, "dev", DEV[code]),
        test=lambda code: news(code, "test", TEST[code]),
    ),
    example=read,
    metric="reciprocal_rank",
    options={"query_length": 64, "candidate_length": 64},
    summary="the entity that is mentioned, from a million descriptions in fifty languages (release 20220518_6)",
    licence="CC BY-SA 3.0 (Wikipedia), CC BY 2.5 (WikiNews)",
    citation="Ruder et al. 2021, XTREME-R; Botha et al. 2020, Entity Linking in 100 Languages",
)


@hookimpl
def harness_target_tasks():
    yield MEWSLIX
