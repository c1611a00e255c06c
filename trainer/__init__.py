"""Builds, offline, the models that the node runs."""
