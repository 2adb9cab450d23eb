"""nanoloom: from ROOT files to trained networks, histograms and ROC curves, in bounded memory."""
