"""Bilingual dictionaries: read, and induced from parallel text."""
