"""Texts to windows of pieces, padded batches, and masks."""
