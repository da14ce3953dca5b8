"""Words as embeddings: chunks, weights, textual inversions, and how many tokens there are."""
