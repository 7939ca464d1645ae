"""XNLI with a word between the sentences: yes, maybe or no (the pattern of Schick and Schütze 2021 for inference)."""

from dataclasses import replace

from harness_plugins.tasks.xnli import XNLI

from harness import hookimpl

XNLI_CLOZE = replace(
    XNLI,
    name="xnli_cloze",
    title="XNLI (cloze)",
    family="cloze",
    options={"template": "{a} {prompt} {mask} {b}", "names": "contradiction=no,entailment=yes,neutral=maybe"},
    summary="yes, maybe or no: does the second sentence follow from the first?",
)


@hookimpl
def harness_target_tasks():
    yield XNLI_CLOZE
