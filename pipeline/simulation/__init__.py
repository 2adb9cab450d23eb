"""Pythia 8, FastJet and a parametric detector, written as NanoAOD-like ROOT."""
