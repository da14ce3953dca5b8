"""What is told of the models: the journal, their status, and why a request is turned away."""
