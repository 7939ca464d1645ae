"""Statistics of studies: gains of arms, their uncertainty, and the analyses that answer a study's question."""
