"""Labelled texts in translation: what replaces them in training, drawn again each time."""
