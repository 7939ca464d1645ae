"""Single changes to the code, to see whether the tests notice: one operator, comparison or constant at a time.

Run from the root of the repository::

    python -m tests.mutation --module harness/scoring/metrics/chunks.py --sample 20 --seed 1

A mutant lives in a process of its own, forked once the slow imports are done. No file changes: the module is
compiled from the changed tree when the tests import it. So only tests that run in their own process can notice, and
those are the ones named in ``CONCERNED``.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).resolve().parent.parent
METRICS = ("scoring/test_metrics.py", "scoring/test_scoring.py")
RETRIEVAL = ("retrieval/test_knn.py", "retrieval/test_mining.py")


def among(file: str, *names: str) -> tuple[str, ...]:
    """Some tests of a file whose others take long and hardly touch the module."""
    return tuple(f"{file}::test_{name}" for name in names)


CONCERNED: dict[str, tuple[str, ...]] = {
    "harness/scoring/metrics/accuracy.py": METRICS,
    "harness/scoring/metrics/answers.py": METRICS,
    "harness/scoring/metrics/base.py": METRICS,
    "harness/scoring/metrics/chunks.py": ("scoring/test_metrics.py", "types/test_entity_tags.py"),
    "harness/scoring/metrics/hub.py": ("scoring/test_metrics_hub.py",),
    "harness/scoring/intervals.py": (
        "scoring/test_metrics.py",
        "scoring/test_scoring.py",
        "analysis/test_comparison_intervals.py",
    ),
    "harness/scoring/bootstrap.py": (
        "scoring/test_bootstrap.py",
        "analysis/test_comparison_intervals.py",
        "analysis/test_comparison.py",
    ),
    "harness/scoring/metrics/masked.py": among(
        "scoring/test_metrics.py", "guesses_at_masked_tokens_are_counted_from_one_on"
    ),
    "harness/scoring/metrics/no_answer.py": among(
        "training/test_intermediate_no_answer.py",
        "the_best_thresholds_equal_a_worked_example",
        "the_best_threshold_is_the_best_of_all",
    ),
    "harness/scoring/metrics/retrieval.py": among(
        "scoring/test_metrics.py",
        "mining_f1_equals_its_golden_value",
        "average_precision_equals_its_golden_values",
        "reciprocal_rank_equals_its_golden_value",
        "ranks_beyond_20_do_not_count",
        "a_ranking_is_scored_by_its_relevant_ids_however_many",
        "queries_with_several_ids_are_remarked_on",
        "finish_takes_sums_of_any_shape",
    ),
    "harness/scoring/aggregate.py": (
        "scoring/test_aggregate.py",
        "scoring/test_scoring.py",
        "analysis/test_comparison_intervals.py",
    ),
    "harness/scoring/files.py": ("scoring/test_scoring.py", "types/test_entity_tags.py", "plugins/test_xtreme_r.py"),
    "harness/retrieval/_knn_exact.py": ("retrieval/test_knn.py",),
    "harness/retrieval/knn_bidirectional.py": RETRIEVAL,
    "harness/retrieval/mining.py": (
        "retrieval/test_mining.py",
        *among("retrieval/test_knn_approximate.py", "the_recall_of_a_plugins_index_is_measured"),
    ),
    "harness/retrieval/threshold.py": ("retrieval/test_mining.py",),
    "harness/families/_answer_decoding.py": (
        "families/test_family_span_qa.py",
        "families/test_family_span_qa_windows.py",
    ),
    "harness/families/words.py": ("families/test_words.py", "families/test_family_tagging.py"),
    "harness/families/_characters.py": ("families/test_offsets.py", "families/test_family_span_qa_windows.py"),
    "harness/analysis/comparison/_significance.py": ("analysis/test_comparison.py",),
    "harness/training/_order.py": (
        "training/test_micro_batches.py",
        *among(
            "training/test_training.py",
            "every_epoch_sees_every_item_once",
            "micro_batches_hold_the_step_and_keep_items_whole",
        ),
        "training/test_mlm_order.py",
    ),
    "harness/training/schedule.py": among(
        "training/test_training.py",
        "a_schedule_is_as_long_as_the_epochs_of_its_tasks_or_as_asked_for",
        "a_schedule_may_be_as_long_as_any_training_and_no_longer",
        "a_schedule_is_drawn_from_the_seed_and_a_single_task_is_always_its_own",
        "weights_of_unlike_tasks_by_temperature_are_the_roots_of_their_capped_sizes",
        "tasks_are_sampled_by_the_chosen_weights_of_their_sizes",
        "masked_language_modelling_gets_its_share_of_the_steps",
    ),
    "harness/training/_checkpoint.py": ("training/test_checkpoint.py",),
    "harness/core/claims.py": ("core/test_claims.py",),
    "harness/core/owner.py": ("core/test_claims.py",),
    "harness/core/_silence.py": ("core/test_claims.py",),
    "harness/core/_heart.py": ("core/test_claims.py",),
    "harness/core/shared_folder.py": ("core/test_shared_folder.py",),
    "harness/runs/record.py": ("runs/test_record.py",),
    "harness/runs/_set_aside.py": ("runs/test_set_aside.py",),
    "harness/runs/identity.py": ("runs/test_identity.py", "types/test_option_roles.py"),
}
"""The tests of each module, the quickest to notice first."""

SWAPPED: dict[type[ast.AST], tuple[type[ast.AST], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Mult,),
    ast.Mod: (ast.Mult,),
    ast.Pow: (ast.Mult,),
    ast.BitAnd: (ast.BitOr,),
    ast.BitOr: (ast.BitAnd,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.USub: (ast.UAdd,),
}


@dataclass(frozen=True)
class Mutant:
    """One change: of which node, in the order of the walk, and which of the changes that it allows."""

    file: str
    node: int
    change: int
    line: int
    described: str

    def tree(self) -> ast.Module:
        """The module with the change made."""
        tree = ast.parse((ROOT / self.file).read_text(encoding="utf-8"))
        _change(list(_mutable(tree))[self.node], self.change)
        return ast.fix_missing_locations(tree)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.described}"


def mutants(file: str) -> list[Mutant]:
    """Every mutant of a module."""
    source = (ROOT / file).read_text(encoding="utf-8")
    found = []
    for number, node in enumerate(_mutable(ast.parse(source))):
        for change in range(_changes(node)):
            other = list(_mutable(ast.parse(source)))[number]
            before = ast.unparse(other)
            _change(other, change)
            found.append(Mutant(file, number, change, node.lineno, f"{before}  ->  {ast.unparse(other)}"))
    return found


def _mutable(tree: ast.AST) -> Iterator[ast.expr | ast.AugAssign]:
    """Expressions with something to change. Annotations and decorators say nothing about what is computed."""
    if isinstance(tree, (ast.expr, ast.AugAssign)) and _changes(tree):
        yield tree
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns", "decorator_list"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _for_types_only(child):
                yield from _mutable(child)


def _for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _changes(node: ast.AST) -> int:
    match node:
        case ast.Compare():
            return sum(len(SWAPPED[type(operator)]) for operator in node.ops)
        case ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
            return 1
        case ast.BinOp() | ast.BoolOp() | ast.UnaryOp() | ast.AugAssign():
            return len(SWAPPED.get(type(node.op), ()))
        case ast.Constant(value=int() | float()):
            return 2
    return 0


def _change(node: ast.AST, number: int) -> None:
    match node:
        case ast.Compare():
            all_changes = [(place, to) for place, operator in enumerate(node.ops) for to in SWAPPED[type(operator)]]
            place, to = all_changes[number]
            node.ops[place] = to()  # type: ignore[call-overload]
        case ast.UnaryOp(op=ast.Not()):
            node.operand = ast.UnaryOp(ast.Not(), node.operand)
        case ast.BinOp() | ast.BoolOp() | ast.UnaryOp() | ast.AugAssign():
            node.op = SWAPPED[type(node.op)][number]()  # type: ignore[assignment]
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int() | float()):
            node.value += (1, -1)[number]


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, mutant: Mutant) -> None:
        super().__init__(name, str(ROOT / mutant.file))
        self.mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.mutant.tree(), self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the mutant where its module is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.name = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, loader=_Loader(fullname, self.mutant))


def _imports() -> None:
    """Imports what takes long and is never changed."""
    for name in ("datasets", "hypothesis", "pytest", "seqeval.metrics.sequence_labeling", "torch", "transformers"):
        importlib.import_module(name)
    assert not any(name.split(".")[0] == "harness" for name in sys.modules), "the mutant would come too late"


def notices(tests: Sequence[str], mutant: Mutant | None, processor_seconds: int) -> bool:
    """Whether a test fails, or needs more than so many seconds of the processor (an endless loop)."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] != 0
    try:
        os._exit(_tested(tests, mutant, processor_seconds))
    finally:
        os._exit(70)


def _tested(tests: Sequence[str], mutant: Mutant | None, processor_seconds: int) -> int:
    import hypothesis
    import pytest

    silent = os.open(os.devnull, os.O_RDWR)
    if mutant:
        sys.meta_path.insert(0, _Finder(mutant))
        for stream in (1, 2):
            os.dup2(silent, stream)
    os.dup2(silent, 0)
    resource.setrlimit(resource.RLIMIT_CPU, (processor_seconds, processor_seconds))
    resource.setrlimit(resource.RLIMIT_AS, (16 << 30, 16 << 30))
    # A counterexample is enough: nobody reads it, so it need not be made small.
    seen = [phase for phase in hypothesis.Phase if phase.name in ("explicit", "generate")]
    hypothesis.settings.register_profile("mutation", phases=seen, database=None, derandomize=True, deadline=None)
    hypothesis.settings.load_profile("mutation")
    files = [str(ROOT / "tests" / name) for name in tests if (ROOT / "tests" / name.split("::")[0]).exists()]
    with tempfile.TemporaryDirectory() as folder:
        options = ["-x", "-q", "--no-header", "--timeout=1800", f"--basetemp={folder}/tests", "-p", "no:xdist"]
        return int(pytest.main([*options, *files]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--module", action="append", choices=CONCERNED, metavar="FILE", help="again for more; else all")
    parser.add_argument("--sample", type=int, default=10, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--line", type=int, help="only the mutants of this line")
    options = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.chdir(ROOT)
    _imports()
    survived: list[Mutant] = []
    sampled = 0
    for file in options.module or CONCERNED:
        if notices(CONCERNED[file], None, 600):
            print(f"{file}: its tests fail without any change", file=sys.stderr)
            return 1
        everything = [mutant for mutant in mutants(file) if options.line in (None, mutant.line)]
        chosen = random.Random(f"{options.seed} {file}").sample(everything, min(options.sample, len(everything)))
        sampled += len(chosen)
        for mutant in sorted(chosen, key=lambda mutant: mutant.line):
            noticed = notices(CONCERNED[file], mutant, 300)
            survived += [] if noticed else [mutant]
            print("noticed " if noticed else "SURVIVED", mutant, flush=True)
        alive = [mutant for mutant in survived if mutant.file == file]
        print(f"{file}: {len(chosen)} of {len(everything)} sampled, {len(chosen) - len(alive)} noticed", flush=True)
    print(f"all: {sampled} sampled, {sampled - len(survived)} noticed")
    return bool(survived)


if __name__ == "__main__":
    sys.exit(main())
