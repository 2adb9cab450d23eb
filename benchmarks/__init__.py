"""How fast the pipeline is, as ratios against the same work done by hand: `python -m benchmarks`."""
