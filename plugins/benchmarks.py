"""The benchmarks: which tasks and languages count, how they are grouped, and what others published on them."""

from importlib.resources import files
from pathlib import Path

from harness import Benchmark, PublishedRows, first_party_languages, hookimpl

_XTREME = {
    "pawsx": "de en es fr ja ko zh",
    "xnli": "ar bg de el en es fr hi ru sw th tr ur vi zh",
    "panx": (
        "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko "
        "th sw yo my zh kk tr et fi hu"
    ),
    "udpos": "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur vi yo zh",
    "bucc2018": "de fr ru zh",
    "tatoeba": (
        "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw zh kk tr et fi hu"
    ),
    "xquad": "en es de el ru tr ar vi th zh hi",
    "mlqa": "en es de ar hi vi zh",
    "tydiqa": "en ar bn fi id ko ru sw te",
}

XTREME = Benchmark(
    name="xtreme",
    version=1,
    title="XTREME",
    tasks={name: tuple(codes.split()) for name, codes in _XTREME.items()},
    groups={
        "classification": ("pawsx", "xnli"),
        "tagging": ("panx", "udpos"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("bucc2018", "tatoeba"),
    },
    rule=(
        "task score: mean over languages, English included (QA: mean of exact match and F1); "
        "overall: mean of the nine task scores; none where a task or language is missing"
    ),
    citation="Hu et al. 2020, XTREME: A Massively Multilingual Multi-task Benchmark (ICML), arXiv 2003.11080",
)

# LAReQA's language list is empty in the public scorer; these are the languages of its data.
_XTREME_R = {
    "xnli": _XTREME["xnli"],
    "xcopa": "et ht id it qu sw ta th tr vi zh",
    "udpos": _XTREME["udpos"] + " lt pl uk wo ro",
    "panx": _XTREME["panx"] + " qu pl uk az lt pa gu ro",
    "xquad": _XTREME["xquad"] + " ro",
    "mlqa": _XTREME["mlqa"],
    "tydiqa": _XTREME["tydiqa"],
    "tatoeba": _XTREME["tatoeba"] + " az lt pl uk ro",
    "mewslix": "ar de en es fa ja pl ro ta tr uk",
    "lareqa": "ar de el en es hi ru th tr vi zh",
}

XTREME_R = Benchmark(
    name="xtreme-r",
    version=1,
    title="XTREME-R",
    tasks={name: tuple(codes.split()) for name, codes in _XTREME_R.items()},
    groups={
        "classification": ("xnli", "xcopa"),
        "tagging": ("udpos", "panx"),
        "qa": ("xquad", "mlqa", "tydiqa"),
        "retrieval": ("tatoeba", "mewslix"),
        "multi_choice": ("xcopa",),
        "retrieval_with_lareqa": ("tatoeba", "mewslix", "lareqa"),
    },
    rule=(
        "task score: mean over languages, English included (QA: mean of exact match and F1; Mewsli-X: mean reciprocal "
        "rank at 20, which the public scorer calls map@20; LAReQA: mAP@20 over all questions of all languages); "
        "Tatoeba with the encoder fine-tuned on SQuAD; overall: mean of the ten task scores, LAReQA counted once: not "
        "defined by the public scorer, which never prints an overall score for XTREME-R and has LAReQA in no group; "
        "none where a task or language is missing"
    ),
    train={"tatoeba": ("squad",)},
    citation="Ruder et al. 2021, XTREME-R: Towards More Challenging and Nuanced Multilingual Evaluation, arXiv 2104.07412",
)


@hookimpl
def harness_benchmarks():
    yield from (XTREME, XTREME_R)


@hookimpl
def harness_languages():
    yield from first_party_languages().values()


@hookimpl
def harness_published_rows():
    folder = Path(str(files("harness_leaderboards") / "published"))
    yield PublishedRows("published", folder, "systems of papers, model cards and READMEs")
