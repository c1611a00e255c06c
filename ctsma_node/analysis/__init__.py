"""What the trainer and the node share: from a CT volume to typed measurements."""
