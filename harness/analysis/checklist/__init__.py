"""MultiCheckList: minimum-functionality tests of a model that answers questions, language by language.

Six tests (comparisons, intensifiers, properties, professions and nationalities, animals and vehicles, twice) after
CheckList (Ribeiro et al. 2020) and MultiCheckList (Ruder et al. 2021, XTREME-R). A diagnostic: no benchmark score.
"""
