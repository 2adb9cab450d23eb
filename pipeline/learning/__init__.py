"""Training and prediction; Keras and boosted trees behind one small protocol."""
