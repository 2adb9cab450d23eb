"""Jagged events to tensors, folds, shuffle, cache and batches."""
