"""Machine translation of labelled and raw text."""
