"""The node's answer to bones that no generator of ours made."""
