"""From a trained pipeline to what others run: without torch, or with transformers; and back from there."""
