"""Labelled texts in translation: what stands in their place in training, drawn anew each time."""
