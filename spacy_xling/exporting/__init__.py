"""From a trained pipeline to what others run: without torch, with transformers, from the hub; and back."""
