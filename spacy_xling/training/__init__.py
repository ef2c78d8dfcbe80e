"""Optimiser, schedules, callbacks and loggers."""
