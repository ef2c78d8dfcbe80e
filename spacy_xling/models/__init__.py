"""Torch modules, the thinc wrapper around them, and the registered builders."""
