"""What is learned: one module each with outputs, targets, loss and evaluation."""
