"""Plain statistics on arrays: exact sums, bootstrap, ROC curves, uncertainties."""
