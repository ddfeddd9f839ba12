"""Long work: proposed and looked at, begun, done step by step, cancelled."""
