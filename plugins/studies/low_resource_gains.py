"""Do the gains of intermediate training shrink with size for low-resource languages? Asked of the runs of size-robustness.

Ceilings from training in the language itself, which would put gains in proportion, are not part of it: UD-POS and PAN-X
cannot be trained on in another language than English yet.
"""

from dataclasses import replace

from harness_plugins.studies.size_robustness import SIZE_ROBUSTNESS

from harness import hookimpl


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
        analysis="harness.analysis.effects.low_resource:analyse",
        summary="gains against size by the resources of a language; shares all runs with size-robustness",
        source="classes of resources: Joshi et al. 2020",
    )
