"""MQTT in: decode -> record -> evaluate -> decide -> commit -> ack (`pipeline.STEPS`)."""
