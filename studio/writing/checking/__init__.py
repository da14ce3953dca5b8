"""What is counted in a text without a model: facts that are told, faults, figures."""
