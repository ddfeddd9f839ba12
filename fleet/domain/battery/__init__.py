"""Rules about batteries: what a device's packs amount to, how long they last, when to act."""
