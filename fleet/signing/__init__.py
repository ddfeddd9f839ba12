"""Keys and signatures, through securesystemslib: the people who sign, and the online key.

Devices have none of this; they verify with `fleet.trust`.
"""
