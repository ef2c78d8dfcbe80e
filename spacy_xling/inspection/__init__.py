"""What an encoder makes of raw text, and how its masks look."""
