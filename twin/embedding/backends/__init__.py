"""What can compute embeddings: OpenVINO, PyTorch, an endpoint; and the choice between them."""
