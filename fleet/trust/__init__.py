"""Who may say what devices do: documents, their signatures, and what a device refuses.

Used by both sides. Of cryptography it needs Ed25519 verification alone; nothing here signs.
"""
