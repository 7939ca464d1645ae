"""AmericasNLI, AfriXNLI and IndicXNLI, scored with what was trained on MNLI, and the benchmark over them and XNLI."""

from collections.abc import Iterator, Mapping
from statistics import fmean
from typing import TYPE_CHECKING

from harness import Benchmark, Language, ReportFormat, TargetTask, hookimpl, splits
from harness_nli.data import AFRICA, AMERICAS, INDIA, LABELS, africa, americas, india, read

if TYPE_CHECKING:
    from harness import TaskScore

SUMMARY = "does the second sentence follow from the first, contradict it, or neither?"

AMERICASNLI = TargetTask(
    name="americasnli",
    title="AmericasNLI",
    version=1,
    family="classification",
    labels=LABELS,
    train="mnli",
    languages=splits(
        " ".join(AMERICAS), dev=lambda code: americas("dev", code), test=lambda code: americas("test", code)
    ),
    example=read,
    metric="accuracy",
    summary=SUMMARY,
    licence="CC BY-SA 4.0",
    citation="Ebrahimi et al. 2022, AmericasNLI: Evaluating Zero-shot Natural Language Understanding of Pretrained "
    "Multilingual Models in Truly Low-resource Languages",
)

AFRIXNLI = TargetTask(
    name="afrixnli",
    title="AfriXNLI",
    version=1,
    family="classification",
    labels=LABELS,
    train="mnli",
    languages=splits(" ".join(AFRICA), dev=lambda code: africa("dev", code), test=lambda code: africa("test", code)),
    example=read,
    metric="accuracy",
    summary=SUMMARY,
    licence="CC BY 4.0",
    citation="Adelani et al. 2024, IrokoBench: A New Benchmark for African Languages in the Age of Large Language Models",
)

INDICXNLI = TargetTask(
    name="indicxnli",
    title="IndicXNLI",
    version=1,
    family="classification",
    labels=LABELS,
    train="mnli",
    languages=splits(
        " ".join(INDIA),
        train=lambda code: india("train", code),
        dev=lambda code: india("dev", code),
        test=lambda code: india("test", code),
    ),
    example=read,
    metric="accuracy",
    summary=SUMMARY,
    licence="stated differently: CC0, CC BY 4.0",
    citation="Aggarwal et al. 2022, IndicXNLI: Evaluating Multilingual Inference for Indian Languages",
)

NLI_WORLD = Benchmark(
    name="nli-world",
    version=1,
    title="NLI world",
    tasks={
        "xnli": ("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
        "americasnli": tuple(AMERICAS),
        "afrixnli": tuple(AFRICA),
        "indicxnli": INDIA,
    },
    groups={"translated by people": ("xnli", "americasnli", "afrixnli"), "translated by a machine": ("indicxnli",)},
    rule=(
        "all tasks are scored with one model, trained on MNLI; overall: the mean over all languages of all tasks, each "
        "counting once a task; none where a language is missing"
    ),
    overall="harness_nli.plugin:mean_of_languages",
    train={"xnli": ("mnli",)},
    citation="Conneau et al. 2018 (XNLI); Ebrahimi et al. 2022 (AmericasNLI); Adelani et al. 2024 (AfriXNLI); Aggarwal et "
    "al. 2022 (IndicXNLI)",
)


def mean_of_languages(tasks: "Mapping[str, TaskScore]") -> float:
    """The mean over the languages of all tasks: a task counts as many times as it has languages."""
    return fmean(
        score.value for task in tasks.values() for score in task.metrics[task.primary[0]].languages.values() if score
    )


@hookimpl
def harness_target_tasks() -> Iterator[TargetTask]:
    """The tasks."""
    yield from (AMERICASNLI, AFRIXNLI, INDICXNLI)


@hookimpl
def harness_benchmarks() -> Iterator[Benchmark]:
    """The benchmark."""
    yield NLI_WORLD


@hookimpl
def harness_languages() -> Iterator[Language]:
    """Two codes of groups of languages, for which the data set does not name one."""
    yield Language("nah", "nah", "Nahuatl", "Latn", "Uto-Aztecan", "Southern Uto-Aztecan")
    yield Language("oto", "oto", "Otomi", "Latn", "Otomanguean", "Western Otomanguean")


@hookimpl
def harness_report_formats() -> Iterator[ReportFormat]:
    """The transfer gap by groups of languages."""
    summary = "transfer gap from XNLI's English, by script, family and resource class"
    yield ReportFormat("nli-gap", "harness_nli.gap:render", extension="tsv", summary=summary)
