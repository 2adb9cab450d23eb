"""Histograms, ROC curves, tables, figures and the report."""
