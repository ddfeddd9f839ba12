"""The wire format: topics and messages, shared by the service and by the devices."""
