"""Layouts in which other places take results."""

from harness import ExportFormat, hookimpl


@hookimpl
def harness_export_formats():
    yield ExportFormat(
        "hub",
        "harness.leaderboard.hub:hub_files",
        options=("license", "source_name", "source_url"),
        repository="model",
        summary="the Hub's .eval_results, and a model card with model-index",
    )
    yield ExportFormat(
        "eee",
        "harness.leaderboard.eee:eee_files",
        options=("developer", "organization", "organization_url", "relationship"),
        repository="dataset",
        summary="Every Eval Ever 0.3: a JSON record with uncertainty, and every item as JSON Lines",
    )
    yield ExportFormat(
        "mteb", "harness.leaderboard.mteb:mteb_files", summary="mteb's results of retrieval and mining, as JSON"
    )
