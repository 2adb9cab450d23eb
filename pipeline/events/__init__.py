"""Files, plan, chunks: what is read, from where, and whether all of it was."""
