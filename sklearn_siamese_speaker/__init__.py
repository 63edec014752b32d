"""One-shot speaker recognition with Siamese networks, as scikit-learn estimators."""
