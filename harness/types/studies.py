"""Studies: pre-registered grids of models, arms and seeds, and the contrasts that answer their question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, ClassVar

from harness.core.errors import UsageError
from harness.types.checks import (
    NAME,
    check_known,
    check_mapping,
    check_options,
    check_seeds,
    check_strings,
    check_text,
    check_whole,
    require,
)
from harness.types.defaults import RECIPE
from harness.types.options import EvalOptions
from harness.types.values import PluginValue

NO_STAGES = "none"
"""Name of the arm that trains on the target's English data alone."""


def named_stages(stages: Sequence[str]) -> str:
    """The name of stages that follow one another, as an arm has it that is nothing else: "mnli > squad", or "none"."""
    return " > ".join(stages) or NO_STAGES


@dataclass(frozen=True)
class Arm:
    """A treatment that a study compares with others: what a model goes through before it is scored.

    ``via`` are the intermediate stages in order, ``options`` single options of the runs (``{"mnli.train_size": 4096}``).
    ``control_of`` names the arm that this one is a control of. ``factors`` are what the analysis regresses on
    (``{"language": "es", "size": 1000}``). ``models`` restricts the arm to some of the study's models; () is all of them.

    ``train_on`` and ``test_on`` are those of a run (:class:`~harness.types.options.EvalOptions`): ``("own",)`` trains each
    language that is scored on its own data, a ceiling; "translated" scores the English translation of the test text.
    ``tasks`` are selectors that restrict the arm to some of what the study scores; () is all of it. Such an arm is scored on
    the test sets as they are, without the study's perturbations and mixed pairs.
    """

    name: str
    via: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    control_of: str = ""
    factors: Mapping[str, Any] = field(default_factory=dict)
    models: tuple[str, ...] = ()
    summary: str = ""
    train_on: tuple[str, ...] = ()
    test_on: str = EvalOptions.test_on
    tasks: tuple[str, ...] = ()

    @property
    def on_other_data(self) -> bool:
        """Tells whether it is trained on, or scored on, other data than the other arms."""
        return bool(self.train_on or self.tasks) or self.test_on != EvalOptions.test_on

    @property
    def settings(self) -> dict[str, Any]:
        """Settings of its runs for people to read: single options and the data."""
        languages = {"train_on": "+".join(self.train_on)} if self.train_on else {}
        text = {"test_on": self.test_on} if self.test_on != EvalOptions.test_on else {}
        return {**self.options, **languages, **text, **({"tasks": ", ".join(self.tasks)} if self.tasks else {})}


@dataclass(frozen=True)
class Contrast:
    """The difference of two arms: the gain of ``arm`` over ``against``, averaged over languages, then tasks.

    ``tasks`` restricts it; () is all tasks of the study. English is left out where ``zero_shot`` is set. ``primary``
    contrasts are corrected together (Holm 1979); any other is secondary. ``hypothesis`` is what it tests ("H1").
    """

    name: str
    arm: str
    against: str = NO_STAGES
    tasks: tuple[str, ...] = ()
    zero_shot: bool = True
    primary: bool = True
    hypothesis: str = ""


@dataclass(frozen=True)
class Search:
    """A search for one option of the target stages, by the English dev score of runs with a seed of their own.

    Each of the ``values`` of ``option``, and the recipe's own, is tried for every arm and target task with ``seed``, which
    is not among the reported seeds. The best is used by the reported runs; runs with the recipe's own value stand beside
    them. ``models`` restricts it to some of the study's models; () is all of them.
    """

    option: str
    values: tuple[float, ...]
    seed: int = 0
    models: tuple[str, ...] = ()

    def covers(self, model: str) -> bool:
        """Tells whether the option is searched for a model."""
        return not self.models or model in self.models


@dataclass(frozen=True)
class Study(PluginValue):
    """A named grid of runs: every model, in every arm, with every seed; and how it is analysed.

    ``models`` are model strings. What is scored is a ``benchmark``, or ``tasks`` (selectors), or tasks of a benchmark.
    ``arms`` are the treatments; a study without any has one for each item of ``via``, which is a sequence of stages, ``()``
    for none: ``((), ("mnli",), ("mnli+qqp", "squad"))``. ``seeds_of`` gives single models other seeds. ``options`` are
    single options of all runs, ``options_of`` those of single models; ``limit``, ``train_limit``, ``perturb`` and
    ``mixed_pairs`` are those of a run. Where ``checklist`` is set, MultiCheckList is asked of every run that answers
    questions (``harness study measure --part checklist``). A study with ``runs_of`` asks another question of the runs of
    that study, and adds what they lack.

    ``hypotheses`` are what the study tests, by name ("H1"), in words. ``contrasts`` are registered before the runs are
    made (``study plan --freeze``); ``margins`` are those of the equivalence tests, in points, the primary one first.
    ``same_source`` are pairs of an intermediate and a target task with common training data, left out of primary means.
    ``model_factors`` are what the analysis regresses on, by model. ``distances`` are those between languages, by both
    codes, in place of genealogical ones. ``analysis`` ("module:function") answers the question; by
    default the contrasts do. ``tests`` is the number of its primary tests, where that is not the number of primary contrasts.

    ``sizes`` are variants of the study by name ("smoke", "small", "full"), each with the fields that it replaces.
    """

    kind = "study"
    hook = "harness_studies"
    references = ("analysis",)

    name: str
    version: int
    models: tuple[str, ...]
    benchmark: str = ""
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    via: tuple[tuple[str, ...], ...] = ((),)
    seeds: tuple[int, ...] = (42,)
    recipe: str = RECIPE
    summary: str = ""
    source: str = ""
    provider: str = ""
    question: str = ""
    hypotheses: Mapping[str, str] = field(default_factory=dict)
    tests: int = 0
    arms: tuple[Arm, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    search: Search | None = None
    seeds_of: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    options_of: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runs_of: str = ""
    limit: int | None = None
    train_limit: int | None = None
    perturb: tuple[str, ...] = ()
    mixed_pairs: bool = False
    checklist: bool = False
    distances: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    margins: tuple[float, ...] = (1.0, 0.5)
    same_source: tuple[tuple[str, str], ...] = ()
    model_factors: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    analysis: str = ""
    sizes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    FIXED: ClassVar[tuple[str, ...]] = ("name", "version", "provider", "sizes")
    """Fields that no size replaces."""

    def at(self, size: str | None) -> Study:
        """The study at one of its sizes; itself where it has none. UsageError for a size that it does not have."""
        if not self.sizes and size is None:
            return self
        if size is None or size not in self.sizes:
            wanted = f"it has {', '.join(self.sizes)}" if self.sizes else "it has no sizes"
            what = f"study {self.name!r} has no size {size!r}" if size else f"study {self.name!r} has several sizes"
            raise UsageError(what, hint=f"{wanted}: give --size" if self.sizes else "leave --size out")
        return replace(self, **self.sizes[size], sizes={})

    def seeds_for(self, model: str) -> tuple[int, ...]:
        """The seeds of a model's runs."""
        return self.seeds_of.get(model, self.seeds)

    def arms_of(self, model: str) -> tuple[Arm, ...]:
        """The arms that a model goes through."""
        return tuple(arm for arm in self.arms if not arm.models or model in arm.models)

    @property
    def primary_tests(self) -> int:
        """The number of tests that are corrected together."""
        return self.tests or sum(contrast.primary for contrast in self.contrasts)

    def check(self) -> None:
        """The factors of the grid, something to score, contrasts of arms that there are, and the same of every size."""
        super().check()
        where = self.where
        check_whole(where, "version", self.version)
        for name in ("models", "tasks", "languages", "perturb"):
            check_strings(where, name, getattr(self, name))
        require(bool(self.models), f"{where}: models is empty")
        require(isinstance(self.benchmark, str), f"{where}: benchmark must be a string", self.benchmark)
        require(bool(self.benchmark or self.tasks), f"{where}: it names neither a benchmark nor tasks")
        check_text(where, "recipe", self.recipe)
        for name in ("mixed_pairs", "checklist"):
            value = getattr(self, name)
            require(isinstance(value, bool), f"{where}: {name} must be True or False", value)
        _check_distances(where, self.distances)
        check_text(where, "question", self.question, needed=False)
        require(isinstance(self.via, tuple) and bool(self.via), f"{where}: via must be a tuple of sequences of stages")
        for stages in self.via:
            check_strings(where, "a sequence of stages in via", stages)
        check_seeds(where, "seeds", self.seeds)
        check_mapping(where, "seeds_of", self.seeds_of)
        for model, seeds in self.seeds_of.items():
            self._one_of(f"seeds_of[{model!r}]", model, self.models)
            check_seeds(where, f"seeds_of[{model!r}]", seeds)
        check_options(where, "options", self.options)
        for name in ("options_of", "model_factors"):
            check_mapping(where, name, getattr(self, name))
            for model, values in getattr(self, name).items():
                self._one_of(f"{name}[{model!r}]", model, self.models)
                check_options(where, f"{name}[{model!r}]", values)
        check_text(where, "runs_of", self.runs_of, needed=False)
        check_mapping(where, "hypotheses", self.hypotheses)
        for name, said in self.hypotheses.items():
            check_text(where, f"hypotheses[{name!r}]", said)
        holds = isinstance(self.tests, int) and not isinstance(self.tests, bool) and self.tests >= 0
        require(holds, f"{where}: tests must be a whole number", self.tests)
        for name in ("limit", "train_limit"):
            if (value := getattr(self, name)) is not None:
                check_whole(where, name, value)
        self._check_arms()
        self._check_contrasts()
        self._check_search()
        _check_margins(where, self.margins)
        holds = isinstance(self.same_source, tuple) and all(
            isinstance(pair, tuple) and len(pair) == 2 and all(isinstance(name, str) for name in pair)
            for pair in self.same_source
        )
        require(holds, f"{where}: same_source must be a tuple of pairs of task names", self.same_source)
        check_mapping(where, "sizes", self.sizes)
        known = {found.name for found in fields(self)} - set(self.FIXED)
        for size, values in self.sizes.items():
            check_mapping(where, f"sizes[{size!r}]", values)
            for name in values:
                self._one_of(f"sizes[{size!r}]", name, known)
            self.at(size).check()

    def _check_arms(self) -> None:
        where = self.where
        require(
            isinstance(self.arms, tuple) and all(isinstance(arm, Arm) for arm in self.arms),
            f"{where}: arms must be a tuple of Arm",
        )
        names = [arm.name for arm in self.arms]
        for arm in self.arms:
            at = f"{where}: arm {arm.name!r}"
            holds = isinstance(arm.name, str) and NAME.fullmatch(arm.name) is not None
            require(
                holds,
                f"{at}: a name is made of lower-case letters, digits, '_', '.' and '-', "
                "and starts with a letter or digit",
            )
            require(names.count(arm.name) == 1, f"{at} occurs more than once")
            for name in ("via", "train_on", "tasks"):
                check_strings(at, name, getattr(arm, name))
            require(
                arm.test_on in ("original", "translated"), f"{at}: test_on must be original or translated", arm.test_on
            )
            check_options(at, "options", arm.options)
            check_options(at, "factors", arm.factors)
            for model in check_strings(at, "models", arm.models):
                self._one_of(f"arm {arm.name!r}: models", model, self.models)
            if arm.control_of:
                self._one_of(f"arm {arm.name!r}: control_of", arm.control_of, set(names) - {arm.name})

    def _check_contrasts(self) -> None:
        where = self.where
        require(
            isinstance(self.contrasts, tuple) and all(isinstance(each, Contrast) for each in self.contrasts),
            f"{where}: contrasts must be a tuple of Contrast",
        )
        names = [contrast.name for contrast in self.contrasts]
        arms = [arm.name for arm in self.arms]
        for contrast in self.contrasts:
            at = f"contrast {contrast.name!r}"
            check_text(where, "the name of a contrast", contrast.name)
            require(names.count(contrast.name) == 1, f"{where}: {at} occurs more than once")
            check_strings(where, f"{at}: tasks", contrast.tasks)
            for name in (contrast.arm, contrast.against):
                self._one_of(at, name, arms)
            if contrast.hypothesis and self.hypotheses:
                self._one_of(f"{at}: hypothesis", contrast.hypothesis, self.hypotheses)
            require(contrast.arm != contrast.against, f"{where}: {at} compares {contrast.arm!r} with itself")

    def _check_search(self) -> None:
        if self.search is None:
            return
        where = f"{self.where}: search"
        require(isinstance(self.search, Search), f"{self.where}: search must be a Search", self.search)
        check_text(where, "option", self.search.option)
        holds = isinstance(self.search.values, tuple) and all(
            isinstance(value, int | float) and not isinstance(value, bool) for value in self.search.values
        )
        require(holds and len(set(self.search.values)) > 1, f"{where}: values must be a tuple of several numbers")
        check_seeds(where, "seed", (self.search.seed,))
        for model in check_strings(where, "models", self.search.models):
            self._one_of("search: models", model, self.models)
        reported = {seed for model in self.models for seed in self.seeds_for(model)}
        require(self.search.seed not in reported, f"{where}: seed {self.search.seed} is one of the reported seeds")

    def _one_of(self, what: str, name: object, known: Any) -> None:
        check_known(f"{self.where}: {what}", name, known)


def _check_margins(where: str, margins: object) -> None:
    holds = isinstance(margins, tuple) and all(isinstance(margin, int | float) and margin > 0 for margin in margins)
    require(holds and bool(margins), f"{where}: margins must be a tuple of positive numbers", margins)


def _check_distances(where: str, distances: Mapping[str, Mapping[str, float]]) -> None:
    check_mapping(where, "distances", distances)
    for code, others in distances.items():
        at = f"distances[{code!r}]"
        check_mapping(where, at, others)
        holds = all(isinstance(far, int | float) and not isinstance(far, bool) and far >= 0 for far in others.values())
        require(holds, f"{where}: {at}: numbers from 0 on, by language, expected", others)
