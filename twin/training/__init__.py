"""From the instruction dataset to a LoRA adapter, its checks and its held-out loss. Runs in a process of its own."""
