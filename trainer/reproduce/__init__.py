"""The paper's whole method from an empty folder: a list of commands, run in order and written down."""
