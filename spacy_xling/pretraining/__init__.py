"""Masked-LM and translation-LM training of an encoder: its config, steps, logs, checkpoints."""
