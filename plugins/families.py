"""The families of the first-party tasks."""

from harness import (
    Candidate,
    Captioned,
    Choice,
    Family,
    GoldPair,
    Match,
    Pair,
    Query,
    Question,
    Sentence,
    Source,
    Tagged,
    Text,
    Translation,
    hookimpl,
)


@hookimpl
def harness_families():
    yield Family(
        "classification",
        (Pair,),
        implementation="harness.families.classification:Classification",
        format="harness.scoring.formats.labels:Labels",
        summary="a label for a text or a pair of texts",
        template="harness.scaffold.task_templates:PAIRS",
        hub_task="text-classification",
    )
    yield Family(
        "cloze",
        (Pair,),
        implementation="harness.families.cloze:Cloze",
        format="harness.scoring.formats.labels:Labels",
        summary="a label for a text or a pair of texts, by the names of the labels at a mask",
        template="harness.scaffold.task_templates:PAIRS",
        hub_task="zero-shot-classification",
    )
    yield Family(
        "tagging",
        (Tagged,),
        implementation="harness.families.tagging:Tagging",
        format="harness.scoring.formats.tags:Tags",
        summary="a tag for every word of a sentence",
        template="harness.scaffold.task_templates:TAGGED",
        hub_task="token-classification",
    )
    yield Family(
        "span_qa",
        (Question,),
        implementation="harness.families.span_qa:SpanQA",
        format="harness.scoring.formats.answers:Answers",
        summary="the answer to a question, cut from its context",
        template="harness.scaffold.task_templates:QUESTIONS",
        hub_task="question-answering",
    )
    yield Family(
        "multiple_choice",
        (Choice,),
        implementation="harness.families.multiple_choice:MultipleChoice",
        format="harness.scoring.formats.choices:Choices",
        summary="the best continuation of a prompt",
        template="harness.scaffold.task_templates:CHOICES",
        hub_task="multiple-choice",
    )
    yield Family(
        "mlm",
        (Text,),
        implementation="harness.families.mlm:MaskedLanguageModel",
        format="harness.scoring.formats.guesses:Guesses",
        summary="masked tokens of running text",
        template="harness.scaffold.task_templates:TEXTS",
        hub_task="fill-mask",
    )
    yield Family(
        "generation",
        (Source,),
        implementation="harness.families.generation:Generation",
        format="harness.scoring.formats.texts:Texts",
        summary="a text that is written for a text: an answer, a summary, a sentence without noise",
        template="harness.scaffold.task_templates:SOURCES",
        hub_task="text-generation",
    )
    yield Family(
        "captioning",
        (Captioned,),
        implementation="harness.families.captioning:Captioning",
        format="harness.scoring.formats.captions:Captions",
        summary="masked tokens of captions, with their pictures in front of them",
        template="harness.scaffold.task_templates:CAPTIONS",
        hub_task="image-to-text",
    )
    yield Family(
        "dual_encoder",
        (Match, Query, Candidate),
        implementation="harness.families.dual_encoder:DualEncoder",
        format="harness.scoring.formats.rankings:Rankings",
        summary="the candidates of a pool that answer a query, by nearness of vectors",
        template="harness.scaffold.task_templates:SEARCHES",
        hub_task="sentence-similarity",
    )
    yield Family(
        "bitext_retrieval",
        (Translation,),
        implementation="harness.families.bitext_retrieval:BitextRetrieval",
        format="harness.scoring.formats.rows:Rows",
        summary="for every English sentence, its translation in a pool (nearest neighbour)",
        template="harness.scaffold.task_templates:TRANSLATIONS",
        hub_task="sentence-similarity",
    )
    yield Family(
        "bitext_mining",
        (Sentence, GoldPair),
        implementation="harness.families.bitext_mining:BitextMining",
        format="harness.scoring.formats.pairs:Pairs",
        summary="the pairs of translations hidden in two pools of sentences (margin mining)",
        template="harness.scaffold.task_templates:POOLS",
        hub_task="sentence-similarity",
    )
