"""The knee finder and the bone segmenter: their training volumes and their training."""
