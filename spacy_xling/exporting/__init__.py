"""From a trained pipeline to one that serves without torch."""
