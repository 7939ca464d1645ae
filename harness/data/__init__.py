"""Where examples come from: data folders, the Hugging Face cache and Hub, plain files, and the sample corpus."""
