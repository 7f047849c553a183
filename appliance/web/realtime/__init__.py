"""`/v1/realtime`: live conversations in OpenAI's Realtime protocol."""
