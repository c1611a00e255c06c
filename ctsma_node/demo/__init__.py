"""The node end to end on one machine: a synthetic knee CT goes in over the network, the report comes back."""
