"""Recipes side by side: a plan, its runs, and what they show."""
