"""What knees the student has learned from look like, so that the node can tell one that is unlike them."""
