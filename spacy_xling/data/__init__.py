"""Readers of labelled and unlabelled text, and the languages of texts."""
