"""Codes, texts, colours and series of the objects a node makes: data that `ctsma_node.report` reads."""
