"""The benchmarks: which tasks and languages count, and how they are grouped."""

from harness import Benchmark, hookimpl

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


@hookimpl
def harness_benchmarks():
    yield XTREME
