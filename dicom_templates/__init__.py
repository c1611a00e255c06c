"""Codes, texts, colours and series of the objects the node makes: data, read by `ctsma_node.report.templates`."""
