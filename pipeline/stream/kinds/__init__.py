"""How a collection of an input set becomes tensors: a file for each kind of `pipeline/inputs.py`."""
