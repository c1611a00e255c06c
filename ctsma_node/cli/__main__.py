"""`python -m ctsma_node.cli`, which is how `serve` starts its two processes."""

from ctsma_node.cli import app

if __name__ == "__main__":
    app(prog_name="ctsma-node")
