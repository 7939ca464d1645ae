"""Do the gains of intermediate training shrink with size for low-resource languages? Asked of the runs of size-robustness.

An arm of its own, trained on the data of each language itself where there are any, puts gains in proportion: how much of
the way from the arm without stages to this ceiling they are.
"""

from dataclasses import replace

from harness_plugins.studies.size_robustness import SIZE_ROBUSTNESS

from harness import Arm, hookimpl

CEILINGS = ("panx", "udpos")  # with training data that are no translations in many languages
OF_SMOKE = ("panx[de,en,es,hi,sw]",)


def with_ceiling(arms, tasks=CEILINGS):
    """The arms of size-robustness, and the ceiling on some of the tasks."""
    summary = "trained on data of each language itself, where there are any"
    return (*arms, Arm("ceiling", train_on=("own",), tasks=tasks, factors={"ceiling": True}, summary=summary))


def sizes():
    """Those of size-robustness, with the ceiling; smoke-e5 is for real excerpts, which may lack such training data."""
    for name, values in SIZE_ROBUSTNESS.sizes.items():
        arms = values.get("arms", SIZE_ROBUSTNESS.arms)
        own = {"smoke": with_ceiling(arms, OF_SMOKE), "smoke-e5": arms}.get(name, with_ceiling(arms))
        yield name, {**values, "arms": own}


@hookimpl
def harness_studies():
    yield replace(
        SIZE_ROBUSTNESS,
        name="low-resource-gains",
        runs_of=SIZE_ROBUSTNESS.name,
        question="Do gains from intermediate tasks diminish, as models grow, in low-resource languages more than in others?",
        hypotheses={
            "H1": "gains fall faster with size in languages of classes 0 to 2 than in those of classes 4 and 5",
            "H2": "gains fall with size in languages of classes 0 to 2",
        },
        tests=2,
        checklist=False,
        arms=with_ceiling(SIZE_ROBUSTNESS.arms),
        sizes=dict(sizes()),
        analysis="harness.analysis.effects.low_resource:analyse",
        summary="gains against size by the resources of a language; shares its runs with size-robustness, but for ceilings",
        source="classes of resources: Joshi et al. 2020",
    )
