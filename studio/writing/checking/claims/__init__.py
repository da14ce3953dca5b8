"""What a text claims with numbers: quantities, the clauses they stand in, and what these are about."""
