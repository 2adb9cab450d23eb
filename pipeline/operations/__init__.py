"""What a person asks when something is wrong: is this place fit for a run, and why did the last one fail?"""
