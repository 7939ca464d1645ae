"""Examples from files: data folders, the Hub and its cache, readers, corpora, perturbed variants, the sample corpus."""
