"""What goes over the wire, in and out: one file an aggregate."""
