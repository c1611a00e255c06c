"""What is measured: each module here is one benchmark and is run by `python -m benchmarks NAME`."""
