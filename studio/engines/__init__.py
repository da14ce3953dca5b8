"""How one kind of model is run, behind small protocols."""
