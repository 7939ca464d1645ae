"""LAReQA: for a question in any of eleven languages, the sentences that answer it in all of them."""

from harness import Candidate, FileData, HubData, Match, Query, Split, TargetTask, hookimpl, readers, splits

SQUAD_COMMIT = "7b6d24c440a36b6815f21b70d25016731768db1f"
COLUMNS = ("id: string", "context: string", "question: string", "answers: struct(text, answer_start)")
OBTAIN = "copy the folder xquad-r of github.com/google-research-datasets/lareqa to DATA_DIR/lareqa"
PEOPLE = {"origin": "human_translation", "system": "professional translators"}
SQUAD = "copy train-v1.1.json and dev-v1.1.json from rajpurkar.github.io/SQuAD-explorer to DATA_DIR/squad"


def passage(sentence, context):
    """A candidate is a sentence followed by the paragraph that contains it."""
    return (sentence + context).replace("\n", "")


def pools(path):
    """Every sentence of every paragraph as a candidate, and the questions, each with the sentence its answer begins in."""
    language, paragraph, context = path.stem, 0, None
    for row in readers.squad_json(path):
        breaks = row["sentence_breaks"]
        if row["context"] != context:
            paragraph, context = paragraph + 1, row["context"]
            for place, (start, end) in enumerate(breaks):
                yield {"candidate": f"{language}_{paragraph}_{place}", "text": passage(context[start:end], context)}
        answer = row["answers"]["answer_start"][0]
        places = [place for place, (start, end) in enumerate(breaks) if start <= answer < end]
        if places:
            yield {"query": row["id"], "text": row["question"], "relevant": f"{language}_{paragraph}_{places[0]}"}


def read(row):
    if "candidate" in row:
        return Candidate(row["candidate"], row["text"])
    if "query" in row:
        return Query(row["query"], row["text"], (row["relevant"],))
    context, starts = row["context"], row["answers"]["answer_start"]
    sentence = readers.sentence_at(context, starts[0]) if starts else ""
    return Match(row["id"], row["question"], passage(sentence, context)) if starts else None


def squad(hub, file, rows):
    return Split(
        HubData("rajpurkar/squad", "plain_text", hub, revision=SQUAD_COMMIT, columns=COLUMNS),
        HubData("google/xtreme", "SQuAD", hub, columns=COLUMNS),
        FileData((f"squad/{file}-v1.1.json",), readers.squad_json, SQUAD),
        rows=rows,
    )


def test(code):
    translated = {} if code == "en" else PEOPLE
    return Split(FileData((f"lareqa/xquad-r/{code}.json",), pools, OBTAIN, counts="query", **translated), rows=1_190)


LAREQA = TargetTask(
    name="lareqa",
    title="LAReQA",
    version=1,
    family="dual_encoder",
    train=squad("train", "train", 87_599),
    languages=splits(
        "ar de el en es hi ru th tr vi zh",
        dev=lambda code: squad("validation", "dev", 10_570) if code == "en" else None,
        test=test,
    ),
    example=read,
    metric="average_precision",
    average="items",  # mean over all questions
    options={"query_length": 96, "candidate_length": 256},
    summary="the sentences that answer a question, in every language, from one pool of sentences in all of them",
    licence="CC BY-SA 4.0",
    citation="Roy et al. 2020, LAReQA: Language-Agnostic Answer Retrieval from a Multilingual Pool",
)


@hookimpl
def harness_target_tasks():
    yield LAREQA
