"""Controls, which are compared with a task (the same text and compute without its labels), and training methods."""

from harness import Objective, hookimpl

ROBUST = "Huang et al., EMNLP 2021 (arXiv 2104.08645)"

FILTER = "Fang et al. 2021, FILTER: An Enhanced Fusion Method for Cross-lingual Language Understanding"


@hookimpl
def harness_objectives():
    yield Objective(
        "masked",
        1,
        "harness.training.objectives.masked:Masked",
        summary="control: masked language modelling on the task's own rows, as many steps and tokens, no labels",
    )
    yield Objective(
        "shuffled",
        1,
        "harness.training.objectives.shuffled:Shuffled",
        summary="control: the task with its labels permuted among the training examples",
    )
    yield Objective(
        "mismatched",
        1,
        "harness.training.objectives.mismatched:Mismatched",
        families=("captioning",),
        summary="control: captions with the pictures of others, so that nothing in a picture tells its caption",
    )
    yield Objective(
        "null",
        1,
        "harness.training.objectives.at_inference:Null",
        families=("captioning",),
        summary="captions as usual; learned constant vectors stay in the checkpoint in place of those of a picture",
    )
    yield Objective(
        "kept",
        1,
        "harness.training.objectives.at_inference:Kept",
        families=("captioning",),
        summary="captions as usual; the tower stays in the checkpoint and sees a blank picture, for its cost alone",
    )
    yield Objective(
        "written",
        1,
        "harness.training.objectives.written:Written",
        families=("captioning",),
        summary="captions written by an encoder-decoder or a decoder, behind the vectors of their pictures",
    )
    yield Objective(
        "adversarial",
        1,
        "harness.training.objectives.adversarial:Adversarial",
        method=True,
        needs=("gradients",),
        summary="robust training: noise on the word embeddings that raises the loss (PGD, or FreeLB)",
        citation=ROBUST,
    )
    yield Objective(
        "noise",
        1,
        "harness.training.objectives.noise:Noise",
        method=True,
        summary="robust training: random noise on the word embeddings, uniform in a ball",
        citation=ROBUST,
    )
    yield Objective(
        "synonyms",
        1,
        "harness.training.objectives.synonyms:Synonyms",
        method=True,
        summary="robust training: copies of the examples with words replaced by synonyms of a table",
        citation=ROBUST,
    )
    yield Objective(
        "teaching",
        1,
        "harness.training.objectives.teaching:Teaching",
        method=True,
        families=("classification", "multiple_choice", "tagging", "span_qa"),
        needs=("teacher",),
        summary="self-teaching and distillation: the predictions of a teacher as soft labels",
        citation=FILTER,
    )
    yield Objective(
        "fusion",
        1,
        "harness.training.objectives.fusion:Fused",
        method=True,
        families=("classification", "span_qa", "tagging"),
        needs=("translations",),
        summary="FILTER: a text and its English translation side by side in some layers, in training and in tests",
        citation=FILTER,
    )
    yield Objective(
        "prompt",
        1,
        "harness.training.objectives.prompt:Prompt",
        method=True,
        families=("classification", "multiple_choice", "span_qa", "tagging"),
        needs=("gradients",),
        summary="a soft prompt in front of every text, and a head; the encoder is frozen",
        citation="Lester et al. 2021, The Power of Scale for Parameter-Efficient Prompt Tuning",
    )
