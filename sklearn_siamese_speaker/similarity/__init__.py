"""The one place where embeddings are compared: metrics, aggregation, ties, tasks. NumPy only."""
