"""The installation's certificate authority: its keys, what it signs, and what it takes back."""
