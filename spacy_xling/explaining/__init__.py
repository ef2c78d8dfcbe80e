"""Why a pipeline gave a text its score: a score for each word."""

from .explaining import METHODS, Method, explain
from .records import Explanation, WordScore

__all__ = ["METHODS", "Explanation", "Method", "WordScore", "explain"]
