"""The attributes of `harness breakdown`."""

from harness import Attribute, Example, Question, Tagged, hookimpl


def attribute(name, examples, summary):
    return Attribute(name, examples, f"harness.analysis.breakdown.attributes:{name.replace('-', '_')}", summary)


@hookimpl
def harness_attributes():
    yield attribute("language", (), "the language")
    yield attribute("script", (), "the script of the language")
    yield attribute("gold-label", (), "the right label; the accuracy of a bucket is its recall")
    yield attribute("predicted-label", (), "the label that was given; the accuracy of a bucket is its precision")
    yield attribute("length", (Example,), "characters of what is asked about; words of a tagged sentence")
    yield attribute("tokens-per-word", (Example,), "pieces that the model's tokenizer cuts a word into")
    yield attribute("overlap", (Example,), "how much of the second text is in the first, 0-1")
    yield attribute("question-length", (Question,), "characters of the question")
    yield attribute("context-length", (Question,), "characters of the context")
    yield attribute("answer-length", (Question,), "characters of the answer")
    yield attribute("answer-type", (Question,), "number, with digits, name, word, phrase")
    yield attribute("entities", (Tagged,), "how many entities the sentence has")
    yield attribute("entity-length", (Tagged,), "words of its longest entity")
    yield attribute("entity-novelty", (Tagged,), "share of its entities that the training data do not have, 0-1")
