"""Moving data in and out: our own export, and the LLM Engineers Handbook's."""
